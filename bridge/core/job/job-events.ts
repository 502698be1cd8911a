import { z } from "zod";
import type { Chunk } from "../plan/chunk.ts";
import { MissingFrame } from "../ledger/ledger.ts";
import { FrameNumber, Rect } from "./scene-facts.ts";

const Text = z.string();
const Count = z.int().min(0);
const Bytes = z.number().min(0);
const donor = Text;
const chunk = Text;
const job = Text;

/** A chunk's position: a rectangle of a scene's frame, or the whole of it. */
export const ChunkPlace = z.strictObject({ scene: Text, frame: FrameNumber, rect: Rect.nullable() }).readonly();
export type ChunkPlace = z.infer<typeof ChunkPlace>;

/** One assembled raw picture, and the part (`region`) of the full frame (`width` x `height`) that it shows. */
export const RawImage = z
  .strictObject({ scene: Text, frame: FrameNumber, path: Text, width: z.int().min(1), height: z.int().min(1), region: Rect })
  .readonly();
export type RawImage = z.infer<typeof RawImage>;

export const JobOutcome = z.enum(["complete", "incomplete", "cancelled", "failed"]);
export type JobOutcome = z.infer<typeof JobOutcome>;

/** The error that ended a job. */
export const JobError = z.strictObject({ code: Text, message: Text }).readonly();

export const JobStats = z
  .strictObject({
    seconds: z.number(),
    framesDone: Count,
    framesTotal: Count,
    chunksDone: Count,
    chunksTotal: Count,
    chunksChecked: Count,
    bytesReceived: Bytes,
    bytesSent: Bytes,
    /** Chunks accepted from each donor, by id. */
    chunksByDonor: z.record(z.string(), Count).readonly(),
    banned: z.array(donor).readonly(),
  })
  .readonly();
export type JobStats = z.infer<typeof JobStats>;

/** Frames named in the last event of a job; more are only counted. */
export const MAX_MISSING_NAMED = 1_000;

/** One kind of event: its name and its fields. */
export const eventOf = <K extends string, S extends z.ZodRawShape>(event: K, fields: S) =>
  z.strictObject({ event: z.literal(event), ...fields });

/** Every kind of event that a running job sends. */
export const JOB_EVENTS = [
  eventOf("job-created", {
    job,
    scene: Text,
    blender: Text,
    frames: Count,
    chunks: Count,
    chunksDone: Count,
    tiles: Text.optional(),
  }),
  eventOf("note", { code: Text, message: Text }),
  eventOf("donor-joined", { donor, name: Text, slots: Count, local: z.boolean() }),
  /** Its owner opened or paused it. */
  eventOf("donor-availability", { donor, name: Text, open: z.boolean(), reason: Text.optional() }),
  eventOf("donor-left", { donor, name: Text, reason: Text }),
  eventOf("donor-banned", { donor, name: Text, reason: Text }),
  eventOf("scene-progress", { donor, bytesDone: Bytes, bytesTotal: Bytes }),
  eventOf("chunk-leased", { chunk, donor, attempt: Count, place: ChunkPlace }),
  eventOf("chunk-started", { chunk, donor, place: ChunkPlace }),
  eventOf("chunk-withdrawn", { chunk, donor, reason: Text }),
  eventOf("chunk-failed", { chunk, donor, code: Text, message: Text }),
  eventOf("chunk-checked", { chunk, donor, verdict: z.enum(["equal", "warned", "different"]) }),
  eventOf("chunk-accepted", { chunk, donor, seconds: z.number(), bytes: Bytes, done: Count, total: Count, place: ChunkPlace }),
  /** The result was revoked; the chunk is rendered again. */
  eventOf("chunk-revoked", { chunk, place: ChunkPlace }),
  eventOf("chunk-dead", { chunk, code: Text, message: Text }),
  /** The assembled frame is being denoised; the share (0 to 1) that is done. */
  eventOf("frame-denoising", { frame: FrameNumber, share: z.number().min(0).max(1) }),
  /** The frame is lost in this run; the others continue. */
  eventOf("frame-lost", { frame: FrameNumber, code: Text, message: Text }),
  eventOf("preview", { path: Text }),
  /** An accepted tile's raw pixels, in a file of `rect`'s size that the bridge wrote; removed when its frame is whole. */
  eventOf("tile", { chunk, donor, scene: Text, frame: FrameNumber, rect: Rect, region: Rect, path: Text }),
  /** All raw frames of a frame are ready for pickup, to be finished by the client's Blender, until they are released. */
  eventOf("frame-raw", { frame: FrameNumber, pictures: z.array(RawImage).readonly() }),
  eventOf("frame-finished", { frame: FrameNumber, outputs: z.array(Text).readonly() }),
  eventOf("video-progress", { message: Text }),
  eventOf("job-ended", {
    job,
    outcome: JobOutcome,
    outputs: z.array(Text).readonly(),
    /** Files that the scene names and that are missing. */
    missingFiles: z.array(Text).readonly(),
    /** Frames with missing files, the first of them (`missingFrames` counts all). Empty when the job is complete. */
    missing: z.array(MissingFrame).readonly(),
    missingFrames: Count,
    /** What ended the job before its time. */
    error: JobError.nullable(),
    stats: JobStats,
  }),
] as const;

/**
 * What every view of a job reads: terminal, `--json`, add-on. Each event is
 * plain JSON; `at` (milliseconds since 1970) is added where it is printed.
 */
export const JobEvent = z.discriminatedUnion("event", JOB_EVENTS);
export type JobEvent = Readonly<z.infer<typeof JobEvent>>;

/** The part of the frame that the chunk delivers. */
export function chunkPlaceOf({ spec, tileRect }: Pick<Chunk, "spec" | "tileRect">): ChunkPlace {
  const { scene, frame } = spec;
  return { scene, frame, rect: spec.kind === "raw" ? (tileRect ?? spec.rect) : null };
}

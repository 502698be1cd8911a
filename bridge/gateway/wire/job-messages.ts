import { z } from "zod";
import type { JobEvent } from "../../core/job/job-events.ts";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";
import { Frame, JobName } from "./job-submission.ts";

/** What the bridge says of itself is parsed by its tests only; strings have no caps here. */
const Words = z.string();
const Count = z.int().min(0);
const Bytes = z.number().min(0);
const Millis = z.number();

export const ErrorBody = z.strictObject({
  /** One of bridge/ERRORS.md; BUG for a mistake of ours. */
  code: z.string().regex(/^[A-Z_]+$/),
  message: Words,
  advice: Words,
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export const JobState = z.enum([
  /** Waits for its turn. */
  "queued",
  /** Its scene is looked at and packed. */
  "preparing",
  "running",
  /** What runs at donors ends, nothing new begins. */
  "paused",
  /** It was cancelled, and the swarm is being stopped. */
  "stopping",
  "complete",
  "incomplete",
  "cancelled",
  "failed",
]);
export type JobState = z.infer<typeof JobState>;

const Deliver = z.enum(["files", "raw"]);

export const JobSummary = z.strictObject({
  job: JobName,
  title: Words,
  scenePath: Words,
  source: Words.nullable(),
  state: JobState,
  deliver: Deliver,
  createdAt: Millis,
  framesDone: Count,
  /** 0 until the scene was looked at. */
  framesTotal: Count,
  chunksDone: Count,
  chunksTotal: Count,
  /** Null where nobody can tell yet. */
  secondsLeft: z.number().min(0).nullable(),
  /** Why it failed, or could not begin. */
  error: ErrorBody.nullable(),
});
export type JobSummary = z.infer<typeof JobSummary>;

/** A pixel rectangle in full-frame coordinates, y up as in Blender. */
const RectMessage = z.strictObject({ x: Count, y: Count, width: z.int().min(1), height: z.int().min(1) });

/** Where a chunk lies: a rectangle of a scene's frame, or the whole of it. */
const Place = z.strictObject({ scene: Words, frame: Frame, rect: RectMessage.nullable() });

/**
 * One assembled float picture, as Blender loads it: `result.load_from_file(path)`. It shows `region` of the full
 * frame (`width` x `height`): all of it, or the artist's border.
 */
export const RawImageMessage = z.strictObject({
  scene: Words,
  frame: Frame,
  path: Words,
  width: z.int().min(1),
  height: z.int().min(1),
  region: RectMessage,
});
const donor = Words;
const Code = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);
const chunk = Words;
const of = <K extends string, S extends z.ZodRawShape>(event: K, fields: S) => z.strictObject({ event: z.literal(event), ...fields });

/** The events of a job's own machinery: `JobEvent` of the core; a test holds the two together. */
const MACHINERY = [
  of("job-created", {
    job: JobName,
    scene: Words,
    blender: Words,
    frames: Count,
    chunks: Count,
    chunksDone: Count,
    tiles: z.optional(Words),
  }),
  of("note", { code: Words, message: Words }),
  of("donor-joined", { donor, name: Words, slots: Count, local: z.boolean() }),
  of("donor-availability", { donor, name: Words, open: z.boolean(), reason: z.optional(Words) }),
  of("donor-left", { donor, name: Words, reason: Words }),
  of("donor-banned", { donor, name: Words, reason: Words }),
  of("scene-progress", { donor, bytesDone: Bytes, bytesTotal: Bytes }),
  of("chunk-leased", { chunk, donor, attempt: Count, place: Place }),
  of("chunk-started", { chunk, donor, place: Place }),
  of("chunk-withdrawn", { chunk, donor, reason: Words }),
  of("chunk-failed", { chunk, donor, code: Words, message: Words }),
  of("chunk-checked", { chunk, donor, verdict: z.enum(["equal", "warned", "different"]) }),
  of("chunk-accepted", { chunk, donor, seconds: z.number(), bytes: Bytes, done: Count, total: Count, place: Place }),
  of("chunk-revoked", { chunk, place: Place }),
  of("chunk-dead", { chunk, code: Words, message: Words }),
  of("frame-lost", { frame: Frame, code: Words, message: Words }),
  of("preview", { path: Words }),
  /** An accepted tile's floats, in a file of `rect`'s size that the bridge wrote; gone when its frame is whole. */
  of("tile", { chunk, donor, scene: Words, frame: Frame, rect: RectMessage, region: RectMessage, path: Words }),
  /** All floats of a frame are here, until the client releases them. */
  of("frame-raw", { frame: Frame, pictures: z.array(RawImageMessage).readonly() }),
  of("frame-finished", { frame: Frame, outputs: z.array(Words) }),
  of("video-progress", { message: Words }),
  of("job-ended", {
    job: JobName,
    outcome: z.enum(["complete", "incomplete", "cancelled", "failed"]),
    outputs: z.array(Words),
    missingFiles: z.array(Words),
    missing: z.array(z.strictObject({ frame: Frame, files: z.array(Words), code: Code, message: Words })),
    missingFrames: Count,
    error: z.strictObject({ code: Words, message: Words }).nullable(),
    stats: z.strictObject({
      seconds: z.number(),
      framesDone: Count,
      framesTotal: Count,
      chunksDone: Count,
      chunksTotal: Count,
      chunksChecked: Count,
      bytesReceived: Bytes,
      bytesSent: Bytes,
      chunksByDonor: z.record(z.string(), Count),
      banned: z.array(Words),
    }),
  }),
] as const;

/** What the bridge that serves the job adds. */
const SERVED = [
  /** The line of the job list, whenever its state changed. The last word on a job: after its end nothing of it runs anywhere. */
  of("job-summary", { line: JobSummary }),
  /** At most once a second. */
  of("progress", {
    framesDone: Count,
    framesTotal: Count,
    chunksDone: Count,
    chunksTotal: Count,
    secondsLeft: z.number().min(0).nullable(),
  }),
] as const;

/** Every kind of event. */
export const EVENT_SCHEMAS = [...MACHINERY, ...SERVED] as const;
export const JobEventMessage = z.discriminatedUnion("event", MACHINERY);
export type WireEvent = JobEvent | z.infer<(typeof SERVED)[number]>;
export const WireEvent: z.ZodType<WireEvent> = z.discriminatedUnion("event", EVENT_SCHEMAS);

/** The reply to `jobs.watch`: how the job stands now; its events follow. */
export const JobReport = z.strictObject({
  line: JobSummary,
  /** The first event that follows, and the one after the last that has happened. Above `from`: those between are forgotten. */
  first: Count,
  next: Count,
  /** Frames whose floats are here and not released. */
  raw: z.array(Frame),
  /** Finished files so far. */
  outputs: z.array(Words),
});
export type JobReport = z.infer<typeof JobReport>;

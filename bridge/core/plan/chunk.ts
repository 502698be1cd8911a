import { z } from "zod";
import { RENDER_BACKENDS } from "../gpu/render-backends.ts";
import { TileFilm } from "../job/denoise-recipe.ts";
import { FRAME_LIMITS } from "../job/frame-limits.ts";
import { FrameNumber, Name, Rect, SideLengthPx } from "../job/scene-facts.ts";
import { RecordName } from "../journal/record-texts.ts";
import { Sha256 } from "../sha256.ts";

/** Identifies a chunk inside its job: stable across restarts, so that the journal can name it. */
export type ChunkId = string;
export type DonorId = string;

/** A rectangle of a scene frame, as a float multilayer EXR. */
export const RawChunkSpec = z.strictObject({
  kind: z.literal("raw"),
  scene: Name,
  frame: FrameNumber,
  /** Full frame in pixels: the donor sets this resolution, at 100 %. */
  width: SideLengthPx,
  height: SideLengthPx,
  /** The rectangle to render and return, inside the full frame, with overscan. */
  rect: Rect,
  /** Simulations are stepped from this frame on, in order, before `frame` is rendered. */
  stepFrom: z.exactOptional(FrameNumber),
  /** "in-render": only for whole frames. "after-assembly": noisy, with the passes that denoising the assembled frame needs. */
  denoise: z.enum(["none", "in-render", "after-assembly"]),
  /** The film exposure that is rendered with instead of the scene's own, see `DenoiseRecipe`. */
  film: z.exactOptional(TileFilm),
  /** Only half of the samples, to measure the noise. Used by checks on this machine; never sent. */
  half: z.exactOptional(z.enum(["first", "second"])),
});

/** Last part of the output path (may hold #), file format and extension after the requester's flags. */
export const ChunkOutput = z.strictObject({ name: Name, format: Name, useExtension: z.boolean() });

/** One frame of an engine that only works on whole frames, as the final files that Blender itself writes. */
export const FilesChunkSpec = z.strictObject({
  kind: z.literal("files"),
  scene: Name,
  frame: FrameNumber,
  output: ChunkOutput.readonly(),
  stepFrom: z.exactOptional(FrameNumber),
});

/** The unit of leased work. */
export const ChunkSpec = z.discriminatedUnion("kind", [RawChunkSpec, FilesChunkSpec]);
export type ChunkSpec = Readonly<z.infer<typeof ChunkSpec>>;

export interface Chunk {
  readonly id: ChunkId;
  readonly spec: ChunkSpec;
  /** Relative cost (predicted samples x pixels); only ratios matter. */
  readonly cost: number;
  /** For `raw`: the part of `spec.rect` that is kept without the overscan. */
  readonly tileRect?: Rect;
}

const MAX_LAYER_VIEWS = 1_024;

/** One file of a result. */
export const ResultFile = z
  .strictObject({
    role: z.enum(["raw", "output", "preview"]),
    /** File name without folder; for "output" the name Blender gave it. */
    name: RecordName,
    sha256: Sha256,
    bytes: z.int().min(0),
    /** Of "raw": at which sample each view of each view layer stopped, in the order of rendering. */
    lastSamples: z.exactOptional(z.array(z.int().min(1).max(FRAME_LIMITS.maxSamples)).max(MAX_LAYER_VIEWS).readonly()),
  })
  .readonly();
export type ResultFile = z.infer<typeof ResultFile>;

/** Its last samples, of a raw file where its renderer said them. */
export function lastSamplesIn(
  role: ResultFile["role"],
  { lastSamples }: { readonly lastSamples?: readonly number[] },
): Pick<ResultFile, "lastSamples"> {
  return role === "raw" && lastSamples !== undefined && lastSamples.length > 0 ? { lastSamples } : {};
}

/** What renders: the processor, or GPUs by one of Cycles' ways to them. */
export const Backend = z.enum(RENDER_BACKENDS);
export type Backend = z.infer<typeof Backend>;

/** What decides whether two machines render the same bits. */
export const DeviceClass = z.strictObject({
  blenderVersion: z.string(),
  buildHash: z.string(),
  backend: Backend,
  /** CPU kernel level ("avx2", "sse42", "neon") or GPU architecture ("sm_90"). */
  arch: z.string(),
  /** Of a GPU: the driver compiles the last step of every kernel. */
  driver: z.string().optional(),
});
export type DeviceClass = Readonly<z.infer<typeof DeviceClass>>;

/** What identifies a job's Blender build: all its donors run the same one. */
export type BlenderBuildId = Pick<DeviceClass, "blenderVersion" | "buildHash">;

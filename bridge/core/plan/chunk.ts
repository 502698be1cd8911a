import { z } from "zod";
import { SHA256_PATTERN } from "../../kernel/ids.ts";
import type { Rect } from "../job/scene-facts.ts";
import { RecordName } from "../journal/record-texts.ts";

/** Identifies a chunk inside its job: stable across restarts, so that the journal can name it. */
export type ChunkId = string;
export type DonorId = string;

/**
 * The unit of leased work.
 *
 * `raw`: one scene at one frame, a rectangle of it, as a float multilayer EXR; `rect` is what the
 * donor must return, overscan included. `files`: one frame of an engine that only works on whole frames,
 * as the final files that Blender itself writes.
 */
export type ChunkSpec =
  | {
      readonly kind: "raw";
      readonly scene: string;
      readonly frame: number;
      /** Full frame in pixels: the donor sets this resolution, at 100 %. */
      readonly width: number;
      readonly height: number;
      /** What to render and return, inside the full frame. */
      readonly rect: Rect;
      /** Simulations are stepped from this frame on, in order, before `frame` is rendered. */
      readonly stepFrom?: number;
      /** Denoise inside the render: only for whole frames. */
      readonly denoise: boolean;
      /** Half of the samples alone, to see how noisy the picture is. Checks ask for it on their own machine; it does not travel. */
      readonly half?: "first" | "second";
    }
  | {
      readonly kind: "files";
      readonly scene: string;
      readonly frame: number;
      /** Last part of the output path (may hold #), file format and extension as the requester's flags left them. */
      readonly output: { readonly name: string; readonly format: string; readonly useExtension: boolean };
      readonly stepFrom?: number;
    };

export interface Chunk {
  readonly id: ChunkId;
  readonly spec: ChunkSpec;
  /** Relative cost (predicted samples x pixels); only ratios matter. */
  readonly cost: number;
  /** For `raw`: what of `spec.rect` is kept after the overscan is cut off. */
  readonly tileRect?: Rect;
}

/** One file of a result. */
export const ResultFile = z
  .strictObject({
    role: z.enum(["raw", "output", "preview"]),
    /** File name without folder; for "output" the name Blender gave it. */
    name: RecordName,
    sha256: z.string().regex(SHA256_PATTERN),
    bytes: z.int().min(0),
  })
  .readonly();
export type ResultFile = z.infer<typeof ResultFile>;

/** What decides whether two machines make the same bits (`device class`). */
export interface DeviceClass {
  readonly blenderVersion: string;
  readonly buildHash: string;
  /** What renders. */
  readonly backend: "CPU" | "CUDA" | "OPTIX" | "HIP" | "ONEAPI" | "METAL";
  /** CPU kernel level ("avx2", "sse42", "neon") or GPU architecture ("sm_90"). */
  readonly arch: string;
  /** Of a GPU: its compiler makes the last step of every kernel. */
  readonly driver?: string | undefined;
}

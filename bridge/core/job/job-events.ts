import type { Chunk, ChunkId, DonorId } from "../plan/chunk.ts";
import type { MissingFrame } from "../ledger/ledger.ts";
import type { Rect } from "./scene-facts.ts";

/** Where a chunk lies: a rectangle of a scene's frame, or the whole of it. */
export interface ChunkPlace {
  readonly scene: string;
  readonly frame: number;
  readonly rect: Rect | null;
}

/** One assembled float picture, and the part (`region`) of the full frame that it shows. */
export interface RawImage {
  readonly scene: string;
  readonly frame: number;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly region: Rect;
}

/**
 * What everybody who watches a job reads: terminal, `--json`, add-on, dashboard, metrics. Each event is
 * plain JSON; `at` (milliseconds since 1970) is added where it is printed.
 */
export type JobEvent =
  | {
      readonly event: "job-created";
      readonly job: string;
      readonly scene: string;
      readonly blender: string;
      readonly frames: number;
      readonly chunks: number;
      readonly chunksDone: number;
      readonly tiles?: string | undefined;
    }
  | { readonly event: "note"; readonly code: string; readonly message: string }
  | { readonly event: "donor-joined"; readonly donor: DonorId; readonly name: string; readonly slots: number; readonly local: boolean }
  /** Its owner lets it work, or not for now. */
  | {
      readonly event: "donor-availability";
      readonly donor: DonorId;
      readonly name: string;
      readonly open: boolean;
      readonly reason?: string | undefined;
    }
  | { readonly event: "donor-left"; readonly donor: DonorId; readonly name: string; readonly reason: string }
  | { readonly event: "donor-banned"; readonly donor: DonorId; readonly name: string; readonly reason: string }
  | { readonly event: "scene-progress"; readonly donor: DonorId; readonly bytesDone: number; readonly bytesTotal: number }
  | {
      readonly event: "chunk-leased";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly attempt: number;
      readonly place: ChunkPlace;
    }
  | { readonly event: "chunk-started"; readonly chunk: ChunkId; readonly donor: DonorId; readonly place: ChunkPlace }
  | { readonly event: "chunk-withdrawn"; readonly chunk: ChunkId; readonly donor: DonorId; readonly reason: string }
  | { readonly event: "chunk-failed"; readonly chunk: ChunkId; readonly donor: DonorId; readonly code: string; readonly message: string }
  | {
      readonly event: "chunk-checked";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly verdict: "equal" | "warned" | "different";
    }
  | {
      readonly event: "chunk-accepted";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly seconds: number;
      readonly bytes: number;
      readonly done: number;
      readonly total: number;
      readonly place: ChunkPlace;
    }
  /** It was wrong after all, and is made anew. */
  | { readonly event: "chunk-revoked"; readonly chunk: ChunkId; readonly place: ChunkPlace }
  | { readonly event: "chunk-dead"; readonly chunk: ChunkId; readonly code: string; readonly message: string }
  /** It cannot be made in this run; the others go on. */
  | { readonly event: "frame-lost"; readonly frame: number; readonly code: string; readonly message: string }
  | { readonly event: "preview"; readonly path: string }
  /** An accepted tile's floats, in a file of its own; gone when its frame is whole. */
  | {
      readonly event: "tile";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly scene: string;
      readonly frame: number;
      readonly rect: Rect;
      readonly region: Rect;
      readonly path: string;
    }
  /** All floats of a frame are here, for somebody else's Blender to finish. */
  | { readonly event: "frame-raw"; readonly frame: number; readonly pictures: readonly RawImage[] }
  | { readonly event: "frame-finished"; readonly frame: number; readonly outputs: readonly string[] }
  | { readonly event: "video-progress"; readonly message: string }
  | {
      readonly event: "job-ended";
      readonly job: string;
      readonly outcome: JobOutcome;
      readonly outputs: readonly string[];
      /** Files that the scene names and nobody has. */
      readonly missingFiles: readonly string[];
      /** Frames of which something is not there, the first of them (`missingFrames` counts them all). Empty when the job is complete. */
      readonly missing: readonly MissingFrame[];
      readonly missingFrames: number;
      /** What ended the job before its time. */
      readonly error: { readonly code: string; readonly message: string } | null;
      readonly stats: JobStats;
    };

/** Frames named in the last event of a job; more are only counted. */
export const MOST_MISSING_NAMED = 1_000;

export type JobOutcome = "complete" | "incomplete" | "cancelled" | "failed";

export interface JobStats {
  readonly seconds: number;
  readonly framesDone: number;
  readonly framesTotal: number;
  readonly chunksDone: number;
  readonly chunksTotal: number;
  readonly chunksChecked: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Chunks accepted from each donor, by id. */
  readonly chunksByDonor: Readonly<Record<DonorId, number>>;
  readonly banned: readonly DonorId[];
}

/** What the chunk delivers of its frame. */
export function placeOf({ spec, tileRect }: Pick<Chunk, "spec" | "tileRect">): ChunkPlace {
  const { scene, frame } = spec;
  return { scene, frame, rect: spec.kind === "raw" ? (tileRect ?? spec.rect) : null };
}

import type { LastSamples } from "../core/denoise/sample-counts.ts";
import type { DenoiseRecipe } from "../core/job/denoise-recipe.ts";
import type { ChunkId, ChunkSpec, DonorId, ResultFile } from "../core/plan/chunk.ts";
import type { Rect, SceneFrame } from "../core/job/scene-facts.ts";
import type { WrittenFile } from "../core/ledger/written-file.ts";
import type { JobRecord } from "../core/journal/records.ts";
import type { CropDifference } from "../core/verify/verdict.ts";
import type { Sha256 } from "../kernel/ids.ts";

/** What a finished chunk left in a session's scratch folder. */
export interface LocalRendered {
  readonly raw?: string;
  readonly outputs: readonly string[];
  readonly preview?: string;
  readonly renderSeconds: number;
  readonly peakMemoryBytes: number;
  /** See `ResultFile`. */
  readonly lastSamples?: readonly number[];
}

export interface LocalScene {
  readonly key: string;
  readonly path: string;
  readonly remap: Readonly<Record<string, string>>;
}

/** Render slots on this machine; the donor room has them. */
export interface LocalSlots {
  readonly size: number;
  run<T>(
    scene: LocalScene,
    spec: ChunkSpec,
    use: {
      take(files: LocalRendered): Promise<T>;
      started?(): void;
      /** By a Blender that has rendered nothing yet. */
      readonly fresh?: boolean;
    },
    signal: AbortSignal,
  ): Promise<T>;
}

/** The files of a running job: results as they came, tiles to look at, pictures that are ready. */
export interface JobFiles {
  /** Where a file of one donor's result of one chunk lies; nobody else's lies there. */
  resultPath(chunk: ChunkId, donor: DonorId, hash: Sha256): string;
  /** Where the tiles of an assembled picture are put together, if it takes one more step to make the picture of them. */
  tiledPath(path: string): string;
  /** Where a file lies that somebody looks at while its frame grows. */
  tilePath(name: string): string;
  /** Removes all results but these: what a run had begun that was stopped. */
  sweepResults(kept: ReadonlySet<string>): Promise<void>;
  /** In bytes; undefined when there is none. */
  sizeOf(path: string): Promise<number | undefined>;
  /** Resolves when the file is on the disk. */
  sync(path: string): Promise<void>;
  /** Another name, in place of what had it. */
  move(from: string, to: string): Promise<void>;
  /** What is not there is no failure. */
  remove(paths: readonly string[]): Promise<void>;
  /** Copies a picture to where it belongs; it is on the disk and whole when this resolves. Throws OUTPUT_NOT_WRITABLE, DISK_FULL. */
  deliver(from: string, to: string): Promise<WrittenFile>;
}

export type HashFile = (path: string) => Promise<{ readonly sha256: string; readonly bytes: number }>;

/** Brings a result file from a peer, hash and size checked on the way. */
export type FetchResult = (peer: string, file: ResultFile, toPath: string, signal: AbortSignal) => Promise<void>;

/** The durable history of this job. Resolves when the records are on disk. */
export type AppendToJournal = (records: readonly JobRecord[]) => Promise<void>;

/** What the media room does for a job. */
export interface JobMedia {
  check(
    path: string,
    expectation: { readonly width: number; readonly height: number; readonly maxBytes: number; readonly channels?: readonly string[] },
    signal: AbortSignal,
  ): Promise<ResultSummary>;
  createAssembled(spec: AssembledPicture, signal: AbortSignal): Promise<void>;
  paste(
    request: {
      readonly resultPath: string;
      readonly target: AssembledPicture;
      readonly resultRect: Rect;
      readonly tileRect: Rect;
      readonly region: Rect;
      /** Channels of relative sample counts, see `core/denoise/sample-counts.ts`. */
      readonly lastSamples?: LastSamples;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Makes an assembled picture of another one; `relative`: channels of sample counts. */
  deriveAssembled(
    request: { readonly from: string; readonly to: AssembledPicture; readonly relative: Readonly<Record<string, number>> },
    signal: AbortSignal,
  ): Promise<void>;
  compare(
    request: {
      readonly result: PlacedRaw;
      readonly reference: PlacedRaw;
      readonly rect: Rect;
      /** The reference with either half of its samples: asks for `r`. */
      readonly halves?: readonly [PlacedRaw, PlacedRaw];
    },
    signal: AbortSignal,
  ): Promise<CropDifference>;
  /** Whether a stranger's file shows the same picture as ours, metadata aside. */
  samePicture(ours: string, theirs: string, signal: AbortSignal): Promise<boolean>;
}

/** A float picture and the full-frame rectangle it shows. */
export interface PlacedRaw {
  readonly path: string;
  readonly rect: Rect;
}

export interface ResultSummary {
  readonly channels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly nonFinite: number;
}

export interface AssembledPicture {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly channels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** The finishing Blender of this job. */
export interface JobFinisher {
  finishFrame(frame: number, signal: AbortSignal): Promise<readonly WrittenFile[]>;
  finishMovie(
    frames: { readonly start: number; readonly end: number; readonly step: number },
    signal: AbortSignal,
  ): Promise<readonly WrittenFile[]>;
}

/** Denoises assembled frames in a Blender of this machine. */
export interface FrameDenoiser {
  /** Starts that Blender ahead of the first frame. Never fails. */
  prepare(): void;
  /** Fills the denoised channels of `to`; `progress`: the share that is done. Throws FINISHING_FAILED. */
  denoise(
    frame: { readonly from: string; readonly to: string; readonly recipe: DenoiseRecipe; readonly views: readonly string[] },
    progress: (share: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Small stitched pictures for people; a failure to make one is nobody's failure. */
export interface PreviewStitcher {
  /** Shows a tile (`region`: the full frame); returns the path of the picture people look at. */
  add(tile: { readonly path: string; readonly rect: Rect; readonly tileRect: Rect }, frame: number, region: Rect): Promise<string>;
  /** Nothing is written afterwards. Never fails. */
  close(): Promise<void>;
}

/** Where a scene frame's assembled raw frames lie, as the finishing Blender looks for them. */
export type AssembledPath = (sceneFrame: SceneFrame) => string;

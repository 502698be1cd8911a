import { z } from "zod";
import { KnownErrorCode } from "../job/error-code.ts";
import { FrameNumber } from "../job/scene-facts.ts";
import { RecordText } from "../journal/record-texts.ts";
import type { ChunkId } from "../plan/chunk.ts";
import type { JobPlan, SceneFrameKey } from "../plan/plan-types.ts";

/** A file that this job wrote, as its journal knows it. */
export const LedgerFile = z.strictObject({
  path: RecordText,
  /** Its size on the disk; undefined in older journals. */
  bytes: z.int().min(0).optional(),
});
export type LedgerFile = Readonly<z.infer<typeof LedgerFile>>;

/** Why a frame or file is missing. */
export const LossReason = z.strictObject({ code: KnownErrorCode, message: z.string() });
export type LossReason = Readonly<z.infer<typeof LossReason>>;

/** The state of a frame: exactly one of these. */
export type FrameState =
  /** A result that it needs is missing, or on hold. */
  | { readonly at: "waiting" }
  | { readonly at: "finishing" }
  /** All its files are on the disk. */
  | { readonly at: "written"; readonly files: readonly LedgerFile[] }
  /** It is lost in this run. */
  | { readonly at: "lost"; readonly lack: LossReason };

/** A frame with missing files at the end. */
export const MissingFrame = LossReason.extend({
  frame: FrameNumber,
  /** Its files, as far as they are known. */
  files: z.array(z.string()).readonly(),
});
export type MissingFrame = Readonly<z.infer<typeof MissingFrame>>;

/**
 * The account of a job: every requested frame, and every file that Blender would have written for it. What the job
 * achieved is read here and nowhere else. It belongs to the running job and changes in place.
 */
export interface Ledger {
  /** In the requested order. */
  readonly frames: Map<number, FrameState>;
  /** The frames that a chunk is needed for. */
  readonly framesOf: ReadonlyMap<ChunkId, readonly number[]>;
  /** The files that Blender would write for a frame, according to inspection. */
  readonly expected: (frame: number) => readonly string[];
  /** Frames are finished one by one, in the requested order. */
  readonly inTurn: boolean;
  /** The video of all frames; undefined when none was requested. */
  video: { readonly path: string; readonly bytes: number | undefined } | undefined;
  /** Counts every change of state: while it does not change, there is no progress. */
  moves: number;
}

export interface LedgerStart {
  readonly plan: Pick<JobPlan, "outputs" | "sceneFrames">;
  readonly expected?: (frame: number) => readonly string[];
  readonly video?: string | undefined;
  /** All frames go into one movie, which needs every one of them. */
  readonly isMovie?: boolean;
  /** Frames must be finished in order: see `mustFinishInOrder`. */
  readonly inTurn?: boolean;
  /** Frames that an earlier run has written. */
  readonly written?: ReadonlyMap<number, readonly LedgerFile[]>;
}

const WAITING = { at: "waiting" } as const;
const FINISHING = { at: "finishing" } as const;

/** The ledger before the first lease. */
export function startLedger({
  plan,
  expected = () => [],
  video,
  isMovie = false,
  inTurn = false,
  written = new Map(),
}: LedgerStart): Ledger {
  const frames = new Map<number, FrameState>();
  for (const { frame } of plan.outputs) {
    const files = written.get(frame);
    frames.set(frame, files === undefined ? WAITING : { at: "written", files });
  }
  return {
    frames,
    framesOf: isMovie ? allFramesByChunk(plan) : framesByChunk(plan),
    expected,
    inTurn,
    video: video === undefined ? undefined : { path: video, bytes: undefined },
    moves: 0,
  };
}

function framesByChunk({ outputs, sceneFrames }: LedgerStart["plan"]): Map<ChunkId, readonly number[]> {
  const framesOfSceneFrame = new Map<SceneFrameKey, number[]>();
  for (const { frame, sceneFrames: keys } of outputs) {
    for (const key of keys) {
      const known = framesOfSceneFrame.get(key);
      if (known) known.push(frame);
      else framesOfSceneFrame.set(key, [frame]);
    }
  }
  return new Map(sceneFrames.flatMap(({ key, chunks }) => chunks.map((chunk) => [chunk, framesOfSceneFrame.get(key) ?? []] as const)));
}

function allFramesByChunk({ outputs, sceneFrames }: LedgerStart["plan"]): Map<ChunkId, readonly number[]> {
  const all = outputs.map(({ frame }) => frame);
  return new Map(sceneFrames.flatMap(({ chunks }) => chunks.map((chunk) => [chunk, all] as const)));
}

/** The frame is being finished now. */
export function noteFinishing(ledger: Ledger, frame: number): void {
  change(ledger, frame, FINISHING);
}

/** A result that it needs was revoked: it waits again. */
export function noteWaiting(ledger: Ledger, frame: number): void {
  change(ledger, frame, WAITING);
}

/** Its files are on the disk, and the journal knows them. */
export function noteWritten(ledger: Ledger, frame: number, files: readonly LedgerFile[]): void {
  change(ledger, frame, { at: "written", files });
}

/** The frame is lost in this run. A written frame stays written. */
export function noteLost(ledger: Ledger, frame: number, lack: LossReason): void {
  if (ledger.frames.get(frame)?.at !== "written") change(ledger, frame, { at: "lost", lack });
}

/** A chunk is given up: every frame that needs it is lost. */
export function noteChunkLost(ledger: Ledger, chunk: ChunkId, lack: LossReason): void {
  for (const frame of ledger.framesOf.get(chunk) ?? []) noteLost(ledger, frame, lack);
}

/** The video of all frames is on the disk. */
export function noteVideo(ledger: Ledger, file: { readonly path: string; readonly bytes: number }): void {
  ledger.video = file;
  ledger.moves++;
}

function change(ledger: Ledger, frame: number, state: FrameState): void {
  if (!ledger.frames.has(frame)) throw new Error(`frame ${frame} does not belong to this job`);
  ledger.frames.set(frame, state);
  ledger.moves++;
}

/** True when every frame is written. */
export function isWhole({ frames }: Ledger): boolean {
  for (const { at } of frames.values()) if (at !== "written") return false;
  return true;
}

export function framesWritten({ frames }: Ledger): number {
  let count = 0;
  for (const { at } of frames.values()) if (at === "written") count++;
  return count;
}

/** All files that were written, in the order of frames, the video last. */
export function writtenFilesInLedger({ frames, video }: Ledger): readonly LedgerFile[] {
  const files = new Map<string, LedgerFile>();
  for (const [, state] of [...frames].toSorted(([a], [b]) => a - b)) {
    if (state.at === "written") for (const file of state.files) files.set(file.path, file);
  }
  if (video?.bytes !== undefined) files.set(video.path, { path: video.path, bytes: video.bytes });
  return [...files.values()];
}

/** The first file of each frame, in frame order: what a video is made of. */
export function firstFilesOfFrames({ frames }: Ledger): readonly string[] {
  return [...frames]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([, state]) => (state.at === "written" ? state.files.slice(0, 1).map(({ path }) => path) : []));
}

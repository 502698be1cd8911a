import { z } from "zod";
import { KnownErrorCode } from "../job/error-code.ts";
import { FrameNumber } from "../job/scene-facts.ts";
import { RecordText } from "../journal/record-texts.ts";
import type { ChunkId } from "../plan/chunk.ts";
import type { JobPlan, SceneFrameKey } from "../plan/plan-types.ts";

/** A file that this job wrote, as its journal knows it. */
export const LedgerFile = z.strictObject({
  path: RecordText,
  /** As it lay on the disk; left out where an older journal did not say. */
  bytes: z.int().min(0).optional(),
});
export type LedgerFile = Readonly<z.infer<typeof LedgerFile>>;

/** Why something is not there. */
export const Lack = z.strictObject({ code: KnownErrorCode, message: z.string() });
export type Lack = Readonly<z.infer<typeof Lack>>;

/** Where a frame stands; it is in exactly one of these. */
export type FrameState =
  /** Some result that it is made of is missing, or in doubt. */
  | { readonly at: "waiting" }
  | { readonly at: "finishing" }
  /** All its files are on the disk. */
  | { readonly at: "written"; readonly files: readonly LedgerFile[] }
  /** It will not be made in this run. */
  | { readonly at: "lost"; readonly lack: Lack };

/** A frame of which something is not there in the end. */
export const MissingFrame = Lack.extend({
  frame: FrameNumber,
  /** Its files, as far as they are known. */
  files: z.array(z.string()).readonly(),
});
export type MissingFrame = Readonly<z.infer<typeof MissingFrame>>;

/**
 * The account of a job: every frame that was asked for, and every file that Blender would have written for it. What the job
 * came to is read here and nowhere else. Belongs to the running job: it changes in place.
 */
export interface Ledger {
  /** In the order asked for. */
  readonly frames: Map<number, FrameState>;
  /** The frames that a chunk is needed for. */
  readonly framesOf: ReadonlyMap<ChunkId, readonly number[]>;
  /** The files that Blender would write for a frame, by the inspection's word. */
  readonly expected: (frame: number) => readonly string[];
  /** Frames are finished one after the other, as asked for. */
  readonly inTurn: boolean;
  /** Made of all frames: undefined where none is wanted. */
  video: { readonly path: string; readonly bytes: number | undefined } | undefined;
  /** Counts every change of state: while it stands still, nothing comes nearer to its end. */
  moves: number;
}

export interface LedgerStart {
  readonly plan: Pick<JobPlan, "outputs" | "sceneFrames">;
  readonly expected?: (frame: number) => readonly string[];
  readonly video?: string | undefined;
  /** All frames go into one movie, which cannot be made without any of them. */
  readonly isMovie?: boolean;
  /** Order matters: `goesInTurn` says where. */
  readonly inTurn?: boolean;
  /** Frames that an earlier run has written. */
  readonly written?: ReadonlyMap<number, readonly LedgerFile[]>;
}

const WAITING = { at: "waiting" } as const;
const FINISHING = { at: "finishing" } as const;

/** The account before the first lease. */
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

/** Its picture is being made now. */
export function noteFinishing(ledger: Ledger, frame: number): void {
  change(ledger, frame, FINISHING);
}

/** What it was made of was taken back: it waits again. */
export function noteWaiting(ledger: Ledger, frame: number): void {
  change(ledger, frame, WAITING);
}

/** Its files are on the disk, and the journal knows them. */
export function noteWritten(ledger: Ledger, frame: number, files: readonly LedgerFile[]): void {
  change(ledger, frame, { at: "written", files });
}

/** It cannot be made in this run. What is written already stays so. */
export function noteLost(ledger: Ledger, frame: number, lack: Lack): void {
  if (ledger.frames.get(frame)?.at !== "written") change(ledger, frame, { at: "lost", lack });
}

/** A chunk is given up, and with it every frame that needs it. */
export function noteChunkLost(ledger: Ledger, chunk: ChunkId, lack: Lack): void {
  for (const frame of ledger.framesOf.get(chunk) ?? []) noteLost(ledger, frame, lack);
}

/** The video of all frames is on the disk. */
export function noteVideo(ledger: Ledger, file: { readonly path: string; readonly bytes: number }): void {
  ledger.video = file;
  ledger.moves++;
}

function change(ledger: Ledger, frame: number, state: FrameState): void {
  if (!ledger.frames.has(frame)) throw new Error(`frame ${frame} is none of this job's`);
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
export function writtenFilesOf({ frames, video }: Ledger): readonly LedgerFile[] {
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

import { mainFiles } from "../plan/expected-files.ts";
import type { ExpectedOutput } from "../job/scene-facts.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Whether a job's frames must be finished in the order requested, as one Blender would: when two of them write one file
 * (one movie file name for all frames), and when the scene reads what the job writes (a compositor that reads the
 * previous frame).
 */
export function mustFinishInOrder(frames: readonly number[], files: readonly ExpectedOutput[], reads: readonly string[]): boolean {
  const written = frames.flatMap((frame) => mainFiles({ files }, frame));
  return new Set(written).size < written.length || reads.some((path) => files.some((output) => writes(output, path)));
}

/** True for the file name of any frame: the scene names only one file of an image sequence. */
function writes(output: ExpectedOutput, path: string): boolean {
  if ("paths" in output) return output.paths.some(([, written]) => written === path);
  const { before, after } = output;
  return path.startsWith(before) && path.endsWith(after) && /^-?\d*$/.test(path.slice(before.length, path.length - after.length));
}

/** True when every earlier frame, in the requested order, is written or lost; always when order does not matter. */
export function isItsTurn({ frames, inTurn }: Pick<Ledger, "frames" | "inTurn">, frame: number): boolean {
  if (!inTurn) return true;
  for (const [before, { at }] of frames) {
    if (before === frame) return true;
    if (at === "waiting" || at === "finishing") return false;
  }
  return true;
}

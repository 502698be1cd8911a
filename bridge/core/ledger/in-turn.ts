import { mainFiles } from "../plan/expected-files.ts";
import type { ExpectedOutput } from "../job/scene-facts.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Whether a job's frames must be finished in the order asked for, as one Blender would: where two of them write one file
 * (a movie for each frame has one name for all), and where the scene reads what the job writes (a compositor that looks at the
 * frame before).
 */
export function goesInTurn(frames: readonly number[], files: readonly ExpectedOutput[], reads: readonly string[]): boolean {
  const written = frames.flatMap((frame) => mainFiles({ files }, frame));
  return new Set(written).size < written.length || reads.some((path) => files.some((output) => writes(output, path)));
}

/** True for the name of any frame: of a sequence, the scene names one file. */
function writes(output: ExpectedOutput, path: string): boolean {
  if ("paths" in output) return output.paths.some(([, written]) => written === path);
  const { before, after } = output;
  return path.startsWith(before) && path.endsWith(after) && /^-?\d*$/.test(path.slice(before.length, path.length - after.length));
}

/** True when every frame before this one, in the order asked for, is written or lost; always where order does not matter. */
export function isItsTurn({ frames, inTurn }: Pick<Ledger, "frames" | "inTurn">, frame: number): boolean {
  if (!inTurn) return true;
  for (const [before, { at }] of frames) {
    if (before === frame) return true;
    if (at === "waiting" || at === "finishing") return false;
  }
  return true;
}

import type { Ledger } from "./ledger.ts";

/**
 * Whether a job's frames must be finished in the order asked for, as one Blender would: where two of them write one file
 * (a movie for each frame has one name for all), and where the scene reads what the job writes (a compositor that looks at the
 * frame before).
 */
export function goesInTurn(frames: readonly number[], expected: (frame: number) => readonly string[], reads: readonly string[]): boolean {
  const read = new Set(reads);
  const written = new Set<string>();
  for (const path of frames.flatMap(expected)) {
    if (written.has(path) || read.has(path)) return true;
    written.add(path);
  }
  return false;
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

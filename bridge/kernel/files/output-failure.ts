import { FarmError, isFarmError, messageOf } from "../errors.ts";
import type { Time } from "../world.ts";
import { withDeadline } from "../time/with-deadline.ts";

/** How long a call to the user's folder may take; longer for writing a picture, by its size. */
export const OUTPUT_WAITS = { answerMs: 20_000, deliverMs: 120_000, deliverBytesPerMs: 1_000 } as const;

/** Converts a system error about the user's output to DISK_FULL or OUTPUT_NOT_WRITABLE. */
export function asOutputFailure(error: unknown, where: string): FarmError {
  if (isFarmError(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOSPC" || code === "EDQUOT") return new FarmError("DISK_FULL", `no space is left for ${where}`, { cause: error });
  return new FarmError("OUTPUT_NOT_WRITABLE", `${where} cannot be written (${code || messageOf(error)})`, { cause: error });
}

/**
 * Waits with a limit for a call to the file system of `where`; on a mount that is gone it would never return.
 *
 * Throws DISK_FULL, OUTPUT_NOT_WRITABLE; the signal's reason when aborted.
 */
export async function awaitOutput<T>(
  call: Promise<T>,
  { where, time, limitMs = OUTPUT_WAITS.answerMs }: { readonly where: string; readonly time: Time; readonly limitMs?: number },
  signal?: AbortSignal,
): Promise<T> {
  const late = () =>
    new FarmError("OUTPUT_NOT_WRITABLE", `${where} does not answer (a disconnected mount?)`, { facts: { unanswered: true } });
  try {
    return await withDeadline(call, { time, limitMs, late, signal });
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    throw asOutputFailure(error, where);
  }
}

/** Whether this failed by the time limit: more calls to the same file system would block, too. */
export function isOutputDiskTimeout(error: unknown): boolean {
  return isFarmError(error) && error.facts["unanswered"] === true;
}

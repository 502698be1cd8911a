import { FarmError, isFarmError, messageOf } from "../errors.ts";
import type { Time } from "../world.ts";
import { withDeadline } from "../with-deadline.ts";

/** How long a folder of the user's may take to answer; a picture's way to the disk takes longer, the more bytes it has. */
export const OUTPUT_WAITS = { answerMs: 20_000, deliverMs: 120_000, deliverBytesPerMs: 1_000 } as const;

/** Gives what the system said about a user's output its code: DISK_FULL or OUTPUT_NOT_WRITABLE. */
export function asOutputFailure(error: unknown, where: string): FarmError {
  if (isFarmError(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOSPC" || code === "EDQUOT") return new FarmError("DISK_FULL", `no space is left for ${where}`, { cause: error });
  return new FarmError("OUTPUT_NOT_WRITABLE", `${where} cannot be written (${code || messageOf(error)})`, { cause: error });
}

/**
 * Waits for a call to the file system that `where` lies on; a mount that has gone would keep it for ever.
 *
 * Throws DISK_FULL, OUTPUT_NOT_WRITABLE; the signal's reason when aborted.
 */
export async function outputAnswer<T>(
  call: Promise<T>,
  { where, time, limitMs = OUTPUT_WAITS.answerMs }: { readonly where: string; readonly time: Time; readonly limitMs?: number },
  signal?: AbortSignal,
): Promise<T> {
  const late = () =>
    new FarmError("OUTPUT_NOT_WRITABLE", `${where} does not answer (a mount that has gone?)`, { facts: { unanswered: true } });
  try {
    return await withDeadline(call, { time, limitMs, late, signal });
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    throw asOutputFailure(error, where);
  }
}

/** Whether this failed because nobody answered: more calls to the same place would only be lost, too. */
export function isUnanswered(error: unknown): boolean {
  return isFarmError(error) && error.facts["unanswered"] === true;
}

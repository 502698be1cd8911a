import { abortable, childSignal } from "../abort.ts";
import type { Time } from "../world.ts";

let unanswered = 0;

/** How many calls have not returned yet, given up or not: each holds a thread, and Node waits for all of them when it exits. */
export function unansweredCalls(): number {
  return unanswered;
}

/**
 * Waits at most `limitMs` for a call that cannot be cancelled (to a file system whose mount may be gone).
 * The call may still return later and take effect.
 *
 * Throws what `late` makes after the limit; the signal's reason when aborted.
 */
export async function withDeadline<T>(
  call: Promise<T>,
  options: { readonly time: Time; readonly limitMs: number; readonly late: () => Error; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const { time, limitMs, late, signal } = options;
  unanswered++;
  const back = () => void unanswered--;
  call.then(back, back);
  using limit = childSignal(signal, { ms: limitMs, time });
  try {
    return await abortable(call, limit.signal);
  } catch (error) {
    if (!limit.signal.aborted || error !== limit.signal.reason) throw error;
    throw signal?.aborted ? error : late();
  }
}

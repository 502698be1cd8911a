import { afterPatience } from "./time/patience.ts";
import type { Time } from "./world.ts";

/** A signal derived from another one; `dispose` unlinks it, so that a long-lived parent keeps no dependants. */
export interface LinkedAbort extends Disposable {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  dispose(): void;
}

export interface TimeLimit {
  readonly ms: number;
  readonly time: Time;
  /** The abort reason of a timeout; a plain TimeoutError by default. */
  readonly late?: (limitMs: number) => Error;
}

/**
 * Makes a signal that aborts with `parent`, after the limit's time in which this process ran, or by `abort()`:
 * whichever comes first.
 * `AbortSignal.any` over a long-lived parent leaks its dependants, so nothing else in the code uses it.
 */
export function childSignal(parent?: AbortSignal, limit?: TimeLimit): LinkedAbort {
  const controller = new AbortController();
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  const stopWaiting = limit === undefined || controller.signal.aborted ? undefined : abortLater(controller, limit);
  const dispose = () => {
    parent?.removeEventListener("abort", follow);
    stopWaiting?.();
  };
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), dispose, [Symbol.dispose]: dispose };
}

function abortLater(controller: AbortController, { ms, time, late = noAnswerWithin }: TimeLimit): () => void {
  return afterPatience(time, ms, () => controller.abort(late(ms)));
}

function noAnswerWithin(limitMs: number): Error {
  return new DOMException(`no answer within ${limitMs} ms`, "TimeoutError");
}

/** Rejects with the signal's reason when it aborts; settles with `promise` otherwise. Leaves no listener behind. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        stop = () => reject(signal.reason as Error);
        signal.addEventListener("abort", stop, { once: true });
      }),
    ]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}

/** True for the error of an abort (cancel or timeout). */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

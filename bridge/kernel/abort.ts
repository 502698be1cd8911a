import { afterPatience } from "./patience.ts";

/** A signal below another one, with its own end; `dispose` cuts the link, so that a long-lived parent keeps no dependants. */
export interface ChildSignal extends Disposable {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  dispose(): void;
}

/**
 * Makes a signal that aborts with `parent`, after `timeoutMs` of this process's own running time, or by `abort()`:
 * whichever comes first. `lateReason` says what a time-out is to whoever waits; a plain TimeoutError when not given.
 * `AbortSignal.any` over a long-lived parent leaks its dependants, so nothing else in the code uses it.
 */
export function childSignal(parent?: AbortSignal, timeoutMs?: number, lateReason = noAnswerWithin): ChildSignal {
  const controller = new AbortController();
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  const late = () => controller.abort(lateReason(timeoutMs ?? 0));
  const stopWaiting = timeoutMs === undefined || controller.signal.aborted ? undefined : afterPatience(timeoutMs, late);
  const dispose = () => {
    parent?.removeEventListener("abort", follow);
    stopWaiting?.();
  };
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), dispose, [Symbol.dispose]: dispose };
}

function noAnswerWithin(timeoutMs: number): Error {
  return new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError");
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

/** True when this was thrown because somebody aborted (cancel or timeout). */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

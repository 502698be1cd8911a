import type { Timers } from "./world.ts";

/** Wakes all waiters on a change of state. */
export class Notifier {
  readonly #waiting = new Set<() => void>();

  wake(): void {
    for (const wakeUp of this.#waiting) wakeUp();
  }

  /** Resolves at the next wake, when the signal is aborted, or after the limit. */
  async wait(signal?: AbortSignal, limit?: { readonly ms: number; readonly timers: Timers }): Promise<void> {
    if (signal?.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wakeUp = () => resolve();
    const stopTimer = limit?.timers.after(limit.ms, wakeUp);
    this.#waiting.add(wakeUp);
    signal?.addEventListener("abort", wakeUp, { once: true });
    try {
      await promise;
    } finally {
      stopTimer?.();
      this.#waiting.delete(wakeUp);
      signal?.removeEventListener("abort", wakeUp);
    }
  }
}

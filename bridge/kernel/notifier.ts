/** Wakes everybody who waits; a wait ends by itself after a time, too. */
export class Notifier {
  readonly #waiting = new Set<() => void>();

  wake(): void {
    for (const wakeUp of this.#waiting) wakeUp();
  }

  /** Resolves at the next wake, after `ms`, or when the signal aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wakeUp = () => resolve();
    const timer = setTimeout(wakeUp, ms);
    this.#waiting.add(wakeUp);
    signal.addEventListener("abort", wakeUp, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(wakeUp);
      signal.removeEventListener("abort", wakeUp);
    }
  }
}

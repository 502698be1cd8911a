import type { Wait } from "../core/ledger/stillness.ts";

/** Work that runs beside a job's loop, each with a name for whoever asks what the job waits for. */
export class JobWaits {
  readonly #running = new Map<Promise<void>, Omit<Wait, "seconds">>();
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of work that threw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Starts work; it is joined by `settle`. */
  start(wait: Omit<Wait, "seconds">, work: () => Promise<void>): void {
    const running = work()
      .catch(this.#failed)
      .finally(() => this.#running.delete(running));
    this.#running.set(running, wait);
  }

  /** What is under way. */
  get list(): readonly Wait[] {
    return [...this.#running.values()];
  }

  /** Waits for what is under way; work may start more work. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running.keys());
  }
}

import type { Wait } from "../core/ledger/stillness.ts";
import { TrackedTasks } from "../kernel/tracked-tasks.ts";

/** Work that runs beside a job's loop, each with a name for whoever asks what the job waits for. */
export class JobWaits {
  readonly #running = new TrackedTasks();
  readonly #waits = new Set<Omit<Wait, "seconds">>();
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of work that threw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Starts work; it is joined by `settle`. */
  start(wait: Omit<Wait, "seconds">, work: () => Promise<void>): void {
    this.#waits.add(wait);
    const over = () => void this.#waits.delete(wait);
    void this.#running.add(work().catch(this.#failed).finally(over));
  }

  /** What is under way. */
  get list(): readonly Wait[] {
    return [...this.#waits];
  }

  /** Waits for what is under way; work may start more work. */
  async settle(): Promise<void> {
    await this.#running.settle();
  }
}

import type { PendingOperation } from "../../core/ledger/stall.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";

export interface JobTasksDeps {
  readonly nowMs: () => number;
  /** Hears of a task that threw. */
  readonly failed: (error: unknown) => void;
}

/** Work that runs beside a job's loop. Each task has a name, so that a job that stands still can say what it waits for. */
export class JobBackgroundTasks {
  readonly #deps: JobTasksDeps;
  readonly #running = new TrackedTasks();
  readonly #waits = new Set<Omit<PendingOperation, "seconds">>();

  constructor(deps: JobTasksDeps) {
    this.#deps = deps;
  }

  /** Starts a task; `settle` joins it. */
  start(what: string, kind: "finish" | "other", task: () => Promise<void>): void {
    const wait = { what, kind, sinceMs: this.#deps.nowMs() };
    this.#waits.add(wait);
    const over = () => void this.#waits.delete(wait);
    void this.#running.add(task().catch(this.#deps.failed).finally(over));
  }

  /** What is under way. */
  get waits(): readonly PendingOperation[] {
    return [...this.#waits];
  }

  /** Waits for what is under way; a task may start others. */
  async settle(): Promise<void> {
    await this.#running.settle();
  }
}

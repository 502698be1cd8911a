/** Work that runs beside its owner, who joins it at the end. */
export class TrackedTasks {
  readonly #running = new Set<Promise<unknown>>();

  get size(): number {
    return this.#running.size;
  }

  /** Joined by `settle`. What is returned settles as the task does, and a failure that nobody looks at is a bug as ever. */
  add<T>(task: Promise<T>): Promise<T> {
    const tracked = task.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  /** Waits until nothing is under way; work may start more work. Never throws. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}

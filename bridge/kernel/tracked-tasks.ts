/** Concurrent tasks of an owner, which joins them at the end. */
export class TrackedTasks {
  readonly #running = new Set<Promise<unknown>>();

  get size(): number {
    return this.#running.size;
  }

  /** Joined by `settle`. The returned promise settles as the task does; an unhandled rejection of it is a bug. */
  add<T>(task: Promise<T>): Promise<T> {
    const tracked = task.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  /** Waits until no task runs; tasks may start more tasks. Never throws. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}

import { Notifier } from "./notifier.ts";

/**
 * An unbounded queue between one or more writers and one reader: writers are our own code and
 * few. Reading ends after `close`, once the queue is empty.
 */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #queue: T[] = [];
  readonly #changed = new Notifier();
  #closed = false;

  push(value: T): void {
    if (this.#closed) return;
    this.#queue.push(value);
    this.#changed.wake();
  }

  close(): void {
    this.#closed = true;
    this.#changed.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    while (true) {
      while (this.#queue.length > 0) yield this.#queue.shift() as T;
      if (this.#closed) return;
      await this.#changed.wait();
    }
  }
}

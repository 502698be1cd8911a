/** What has happened, numbered from 0, for those who listen now and those who come later. Old entries are forgotten. */
export class EventLog<E> {
  readonly #kept: number;
  readonly #listeners = new Set<(entry: LogEntry<E>) => void>();
  #entries: LogEntry<E>[] = [];
  #next = 0;

  constructor(options: { readonly kept: number }) {
    this.#kept = options.kept;
  }

  /** The oldest number that is still here. */
  get first(): number {
    return this.#entries[0]?.seq ?? this.#next;
  }

  /** The number of the event that comes next. */
  get next(): number {
    return this.#next;
  }

  push(at: number, event: E): void {
    const entry = { seq: this.#next++, at, event };
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#kept) this.shorten(this.#kept);
    for (const listener of this.#listeners) listener(entry);
  }

  /** Whether one that is still here fits. */
  some(fits: (event: E) => boolean): boolean {
    return this.#entries.some(({ event }) => fits(event));
  }

  /** Forgets all but the newest. */
  shorten(kept: number): void {
    this.#entries = this.#entries.slice(-kept);
  }

  /** Tells what there is from number `from` on, then what comes; returns how to stop. */
  follow(from: number, listener: (entry: LogEntry<E>) => void): () => void {
    for (const entry of this.#entries) if (entry.seq >= from) listener(entry);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export interface LogEntry<E> {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly event: E;
}

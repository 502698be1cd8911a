/** Events, numbered from 0, for current and later subscribers. Old entries are dropped. */
export class EventLog<E> {
  readonly #kept: number;
  readonly #listeners = new Set<(entry: LogEntry<E>) => void>();
  #entries: LogEntry<E>[] = [];
  #next = 0;

  constructor(options: { readonly kept: number }) {
    this.#kept = options.kept;
  }

  /** The oldest stored number. */
  get first(): number {
    return this.#entries[0]?.seq ?? this.#next;
  }

  /** The number of the next event. */
  get next(): number {
    return this.#next;
  }

  push(at: number, event: E): void {
    const entry = { seq: this.#next++, at, event };
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#kept) this.shorten(this.#kept);
    for (const listener of this.#listeners) listener(entry);
  }

  /** Whether a stored event matches. */
  some(fits: (event: E) => boolean): boolean {
    return this.#entries.some(({ event }) => fits(event));
  }

  /** Drops all but the newest. */
  shorten(kept: number): void {
    this.#entries = this.#entries.slice(-kept);
  }

  /** Calls back for stored events from number `from` on, then for new ones; returns a stop function. */
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

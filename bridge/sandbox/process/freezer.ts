/** A process that may be paused; both are undefined if its sandbox cannot. */
export interface Freezable {
  /** Pauses all of it at once, keeping its memory. */
  freeze?(): void | Promise<void>;
  thaw?(): void | Promise<void>;
  readonly exited: Promise<unknown>;
}

/**
 * Every process that was started through it, to be paused and resumed together. A process that starts while all are
 * paused is paused at once.
 */
export class Freezer {
  readonly #processes = new Set<Freezable>();
  #frozen = false;

  /** How many processes run. */
  get size(): number {
    return this.#processes.size;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** The same launcher, with its processes tracked. */
  watch<Request, Process extends Freezable>(start: (request: Request) => Promise<Process>): (request: Request) => Promise<Process> {
    return async (request) => {
      const process = await start(request);
      this.#processes.add(process);
      const gone = () => void this.#processes.delete(process);
      process.exited.then(gone, gone);
      if (this.#frozen) await process.freeze?.();
      return process;
    };
  }

  /** Pauses all. @returns how many cannot be paused and continue. */
  async freeze(): Promise<number> {
    this.#frozen = true;
    await Promise.all([...this.#processes].map(async (process) => await process.freeze?.()));
    return [...this.#processes].filter((process) => process.freeze === undefined).length;
  }

  async thaw(): Promise<void> {
    this.#frozen = false;
    await Promise.all([...this.#processes].map(async (process) => await process.thaw?.()));
  }
}

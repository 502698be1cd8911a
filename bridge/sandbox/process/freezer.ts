/** A process that may be made to stand still; sandboxes that cannot leave both out. */
export interface Freezable {
  /** Stops all of it at once, its memory kept. */
  freeze?(): void | Promise<void>;
  thaw?(): void | Promise<void>;
  readonly exited: Promise<unknown>;
}

/**
 * Every process that was started through it, to be frozen and thawed together. What is started while all is
 * frozen stands still from its first moment.
 */
export class Freezer {
  readonly #processes = new Set<Freezable>();
  #frozen = false;

  /** How many processes live. */
  get size(): number {
    return this.#processes.size;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** The same way of starting processes, watched. */
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

  /** Stops them all. @returns how many cannot be stopped and go on. */
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

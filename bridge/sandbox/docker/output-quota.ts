import { SUPERVISOR_LIMITS } from "./supervisor-wire.ts";

/** How much a sandbox may still print: a large burst, a low rate. Renders print far less. */
export class OutputQuota {
  readonly #now: () => number;
  #left: number = SUPERVISOR_LIMITS.printBurstBytes;
  #atMs: number;

  constructor(monotonicMs: () => number) {
    this.#now = monotonicMs;
    this.#atMs = monotonicMs();
  }

  /** @returns whether so many more bytes are still allowed. */
  spend(bytes: number): boolean {
    const now = this.#now();
    const { printBurstBytes, printBytesPerSecond } = SUPERVISOR_LIMITS;
    this.#left = Math.min(printBurstBytes, this.#left + ((now - this.#atMs) / 1_000) * printBytesPerSecond) - bytes;
    this.#atMs = now;
    return this.#left >= 0;
  }
}

import type { RequesterSwarm } from "./requester-swarm.ts";

/** The one node of this process, started when it is first needed. A failed start is retried by the next caller. */
export class SharedSwarm implements AsyncDisposable {
  readonly #open: () => Promise<RequesterSwarm>;
  #entering: Promise<RequesterSwarm> | undefined;

  constructor(open: () => Promise<RequesterSwarm>) {
    this.#open = open;
  }

  /** Throws what starting throws. */
  enter(): Promise<RequesterSwarm> {
    this.#entering ??= this.#open().catch((error: unknown) => {
      this.#entering = undefined;
      throw error;
    });
    return this.#entering;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const entered = await this.#entering?.catch(() => undefined);
    await entered?.[Symbol.asyncDispose]();
  }
}

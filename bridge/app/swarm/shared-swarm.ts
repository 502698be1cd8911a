import type { RequesterSwarm } from "./requester-swarm.ts";

/** The one node of this process, entered when it is first wanted. What failed is tried again by whoever wants it next. */
export class SharedSwarm implements AsyncDisposable {
  readonly #open: () => Promise<RequesterSwarm>;
  #entering: Promise<RequesterSwarm> | undefined;

  constructor(open: () => Promise<RequesterSwarm>) {
    this.#open = open;
  }

  /** Throws what entering throws. */
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

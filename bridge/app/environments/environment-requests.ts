import type { DonateEvent } from "../../donor/donate-events.ts";

/** An environment that a job requested and the owner has not allowed yet. */
export interface PendingEnvironment {
  readonly digest: string;
  readonly job: string;
  readonly requester: string;
  readonly atMs: number;
}

/** A request that is not repeated for this long is dropped: requesters ask again every half a minute. */
const OUTDATED_MS = 5 * 60_000;
/** Limit against many requests by strangers: the owner sees the newest. */
const MAX_ASKED = 8;

/** The open environment requests for the owner, each environment once. */
export class EnvironmentRequests {
  readonly #asked = new Map<string, PendingEnvironment>();

  /** Records a request. @returns it, if it is a new one. */
  watch(event: DonateEvent, nowMs: number): PendingEnvironment | undefined {
    if (event.event !== "job-refused" || event.asks === undefined) return undefined;
    const { asks: digest, job, requester } = event;
    const isNew = !this.#asked.has(digest);
    this.#asked.delete(digest);
    const asked = { digest, job, requester, atMs: nowMs };
    this.#asked.set(digest, asked);
    for (const oldest of this.#asked.keys()) if (this.#asked.size > MAX_ASKED) this.#asked.delete(oldest);
    return isNew ? asked : undefined;
  }

  /** Requests that are still open under the owner's terms, the newest last. */
  open(environments: readonly string[], nowMs: number): readonly PendingEnvironment[] {
    for (const { digest, atMs } of this.#asked.values()) {
      if (nowMs - atMs > OUTDATED_MS || environments.includes(digest)) this.#asked.delete(digest);
    }
    return [...this.#asked.values()];
  }
}

/** The term `environments` with one more allowed. */
export function appendAllowedEnvironment(environments: string | undefined, digest: string): string {
  return environments === undefined ? digest : `${environments},${digest}`;
}

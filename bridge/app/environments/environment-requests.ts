import type { DonateEvent } from "../../donor/donate-events.ts";

/** An environment that a job wants and that the owner has not let in yet. */
export interface EnvironmentRequest {
  readonly digest: string;
  readonly job: string;
  readonly requester: string;
  readonly atMs: number;
}

/** A question that nobody repeats for so long is not asked any more: requesters ask again every half a minute. */
const OUTDATED_MS = 5 * 60_000;
/** Strangers may ask for many: the owner sees the newest. */
const MAX_ASKED = 8;

/** The questions to the owner that are open, each environment once. */
export class EnvironmentRequests {
  readonly #asked = new Map<string, EnvironmentRequest>();

  /** Follows who asks for what. @returns the question, when it is a new one. */
  watch(event: DonateEvent, nowMs: number): EnvironmentRequest | undefined {
    if (event.event !== "job-refused" || event.asks === undefined) return undefined;
    const { asks: digest, job, requester } = event;
    const isNew = !this.#asked.has(digest);
    this.#asked.delete(digest);
    const asked = { digest, job, requester, atMs: nowMs };
    this.#asked.set(digest, asked);
    for (const oldest of this.#asked.keys()) if (this.#asked.size > MAX_ASKED) this.#asked.delete(oldest);
    return isNew ? asked : undefined;
  }

  /** Those that are still open under the owner's terms, the newest last. */
  open(environments: readonly string[], nowMs: number): readonly EnvironmentRequest[] {
    for (const { digest, atMs } of this.#asked.values()) {
      if (nowMs - atMs > OUTDATED_MS || environments.includes(digest)) this.#asked.delete(digest);
    }
    return [...this.#asked.values()];
  }
}

/** The term `environments` with one more let in. */
export function withAllowed(environments: string | undefined, digest: string): string {
  return environments === undefined ? digest : `${environments},${digest}`;
}

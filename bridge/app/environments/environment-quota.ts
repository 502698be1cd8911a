import { contentsOf } from "../../content/environments/environment-manifest.ts";
import { chooseEnvironmentsToEvict, type EvictionCandidate } from "../../core/environments/evict.ts";
import type { EnvironmentDigest } from "../../core/environments/facts.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { dropEnvironment, type EnvironmentPlaces } from "./drop-environment.ts";

export interface EnvironmentQuotaDeps extends EnvironmentPlaces {
  readonly clock: Clock;
  /** Donated disk space, without that used by scenes. */
  readonly givenBytes: () => number;
}

/** The disk space for fetched environments on a donor: the least recently used are evicted for one that a job names. */
export class EnvironmentQuota {
  readonly #deps: EnvironmentQuotaDeps;
  readonly #usedAtMs = new Map<EnvironmentDigest, number>();

  constructor(deps: EnvironmentQuotaDeps) {
    this.#deps = deps;
  }

  /** Marks an environment as in use. */
  use(digest: EnvironmentDigest): void {
    this.#usedAtMs.set(digest, this.#deps.clock.now());
  }

  /** Evicts for so many bytes if possible. @returns the free bytes. */
  async make(neededBytes: number): Promise<number> {
    const { clock, givenBytes } = this.#deps;
    const kept = await this.#kept();
    let room = givenBytes() - kept.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const digest of chooseEnvironmentsToEvict(kept, neededBytes - room, clock.now())) {
      const isGone = await dropEnvironment(this.#deps, digest).then(
        () => true,
        () => false, // work runs in it
      );
      if (isGone) room += kept.find((each) => each.digest === digest)?.bytes ?? 0;
    }
    return room;
  }

  /** Only fetched environments; those built by the owner are never evicted. */
  async #kept(): Promise<readonly EvictionCandidate[]> {
    const { environments, contents } = this.#deps;
    const fetched = environments.list().filter(({ origin }) => origin !== "built");
    return await Promise.all(
      fetched.map(async ({ digest, bytes, addedAt }) => {
        const manifest = await contents.manifestOf(digest);
        const blocks = manifest === undefined ? 0 : contentsOf(manifest).reduce((sum, content) => sum + content.bytes, 0);
        return { digest, bytes: bytes + blocks, usedAtMs: Math.max(addedAt, this.#usedAtMs.get(digest) ?? 0) };
      }),
    );
  }
}

import { contentsOf } from "../../content/environments/environment-manifest.ts";
import { chooseEvictions, type KeptEnvironment } from "../../core/environments/evict.ts";
import type { EnvironmentDigest } from "../../core/environments/facts.ts";
import type { Clock } from "../../kernel/clock.ts";
import { dropEnvironment, type EnvironmentPlaces } from "./drop-environment.ts";

export interface EnvironmentQuotaDeps extends EnvironmentPlaces {
  readonly clock: Clock;
  /** Of the disk that is given, less what scenes take of it. */
  readonly givenBytes: () => number;
}

/** The disk that environments of others may take on a donor: the longest unused ones make room for what a job names. */
export class EnvironmentQuota {
  readonly #deps: EnvironmentQuotaDeps;
  readonly #usedAtMs = new Map<EnvironmentDigest, number>();

  constructor(deps: EnvironmentQuotaDeps) {
    this.#deps = deps;
  }

  /** An environment is at work from now on. */
  use(digest: EnvironmentDigest): void {
    this.#usedAtMs.set(digest, this.#deps.clock.now());
  }

  /** Makes room for so many bytes where that is possible. @returns the bytes there is room for. */
  async make(neededBytes: number): Promise<number> {
    const { clock, givenBytes } = this.#deps;
    const kept = await this.#kept();
    let room = givenBytes() - kept.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const digest of chooseEvictions(kept, neededBytes - room, clock.now())) {
      const isGone = await dropEnvironment(this.#deps, digest).then(
        () => true,
        () => false, // work runs in it
      );
      if (isGone) room += kept.find((each) => each.digest === digest)?.bytes ?? 0;
    }
    return room;
  }

  /** What came from others; what its owner built is the owner's. */
  async #kept(): Promise<readonly KeptEnvironment[]> {
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

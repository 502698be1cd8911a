import type { Sha256 } from "../../kernel/ids.ts";
import { type BlockPeer, BLOCKS_LIMITS } from "./messages.ts";
import type { ServePolicy } from "./serve-blocks.ts";

export interface SuperSeedingDeps {
  /** This donor's addresses for other donors; empty when unknown. */
  addressesOf(peerId: string): Promise<readonly string[]>;
  /** A block could not be read or sent; SCENE_CHANGED ends the job, a broken stream does not. */
  broke?(peerId: string, hash: Sha256, error: unknown): void;
}

interface Holding {
  readonly state: "sending" | "given" | "broken";
  readonly gives: number;
}

/**
 * Records which block of a job was sent to which donor. A block that a connected donor has is not sent
 * again but redirected there, so that N donors cost the requester about one upload. A forced request is
 * served, unless the block is being sent to another donor at that moment.
 */
export class SuperSeeding {
  readonly #deps: SuperSeedingDeps;
  readonly #holders = new Map<Sha256, Map<string, Holding>>();
  readonly #live = new Set<string>();
  #turn = 0;

  constructor(deps: SuperSeedingDeps) {
    this.#deps = deps;
  }

  /** Adds a donor, to which others can be redirected. */
  donorHere(peerId: string): void {
    this.#live.add(peerId);
  }

  /** Removes a donor; if it reconnects, its blocks count again. */
  donorGone(peerId: string): void {
    this.#live.delete(peerId);
  }

  /** The policy for one donor's stream: `mayHave` decides what it may fetch. */
  policyFor(peerId: string, mayHave: (hash: Sha256) => boolean): ServePolicy {
    return {
      mayHave: (hash) => mayHave(hash) && (this.#holders.get(hash)?.get(peerId)?.gives ?? 0) < BLOCKS_LIMITS.maxGivesPerBlock,
      redirect: (hash, force) => this.#route(peerId, hash, force),
      gave: (hash) => this.#settle(peerId, hash, true),
      broke: (hash, error) => {
        this.#settle(peerId, hash, false);
        this.#deps.broke?.(peerId, hash, error);
      },
    };
  }

  /** Decides and records the decision synchronously, so that two concurrent requests do not both get the block. */
  #route(peerId: string, hash: Sha256, force: boolean): readonly BlockPeer[] | Promise<readonly BlockPeer[]> {
    const holders = this.#holders.get(hash) ?? new Map<string, Holding>();
    const others = [...holders].filter(
      ([id, holding]) => id !== peerId && this.#live.has(id) && (holding.state === "sending" || (holding.state === "given" && !force)),
    );
    if (others.length > 0) return this.#name(others.map(([id]) => id));
    const before = holders.get(peerId);
    holders.set(peerId, { state: "sending", gives: (before?.gives ?? 0) + 1 });
    this.#holders.set(hash, holders);
    return [];
  }

  /** Rotates the order of peers, to spread the load. */
  async #name(ids: readonly string[]): Promise<readonly BlockPeer[]> {
    const start = this.#turn++ % ids.length;
    const chosen = [...ids.slice(start), ...ids.slice(0, start)].slice(0, BLOCKS_LIMITS.maxElsewherePeers);
    return await Promise.all(
      chosen.map(async (id) => ({ id, addrs: (await this.#addresses(id)).slice(0, BLOCKS_LIMITS.maxAddressesPerPeer) })),
    );
  }

  async #addresses(id: string): Promise<readonly string[]> {
    const all = await this.#deps.addressesOf(id).catch(() => []);
    return all.filter((address) => address.length <= BLOCKS_LIMITS.maxAddressChars);
  }

  #settle(peerId: string, hash: Sha256, given: boolean): void {
    const holders = this.#holders.get(hash) ?? new Map<string, Holding>();
    const before = holders.get(peerId);
    // A range was not routed, so it is counted only here.
    const gives = before?.state === "sending" ? before.gives : (before?.gives ?? 0) + 1;
    holders.set(peerId, { state: given ? "given" : "broken", gives });
    this.#holders.set(hash, holders);
  }
}

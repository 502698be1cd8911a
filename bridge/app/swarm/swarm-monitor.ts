import { availableParallelism, hostname, totalmem } from "node:os";
import type { SwarmStatus } from "../../gateway/wire/messages.ts";
import { childSignal } from "../../kernel/abort.ts";
import type { Log } from "../../kernel/log.ts";
import type { Time } from "../../kernel/world.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";
import type { ChosenBlender } from "../job/blender-slots.ts";
import { type QueriedDonor, type DonorQuery, queryDonor } from "./peers.ts";
import type { SharedSwarm } from "./shared-swarm.ts";

export interface SwarmWatchDeps {
  readonly swarm: SharedSwarm;
  /** The local Blenders; empty if none is found. */
  readonly blenders: () => Promise<readonly ChosenBlender[]>;
  readonly time: Time;
  readonly log: Log;
}

const LOOK_EVERY_MS = 3_000;
const SEARCH_EVERY_MS = 20_000;

/** The current state of the swarm, for queries and subscriptions. */
export class SwarmMonitor implements AsyncDisposable {
  readonly #deps: SwarmWatchDeps;
  readonly #name: string;
  readonly #life = childSignal();
  readonly #watchers = new Set<(status: SwarmStatus) => void>();
  #looking: Promise<void> | undefined;
  #searchedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SwarmWatchDeps, options: { readonly swarm: string }) {
    this.#deps = deps;
    this.#name = options.swarm;
  }

  async status(): Promise<SwarmStatus> {
    const network = await this.#network();
    const blenders = await this.#deps.blenders();
    return {
      swarm: this.#name,
      peerId: network?.selfId ?? null,
      peers: network ? await peersOf({ network, time: this.#deps.time }) : [],
      thisComputer: {
        name: hostname(),
        cores: availableParallelism(),
        memoryBytes: totalmem(),
        blenders: blenders.map(({ build }) => ({ version: build.version, buildHash: build.buildHash, path: build.path })),
      },
    };
  }

  /** Calls back on every change; returns a stop function. Peers are only polled while there is a subscriber. */
  watch(seen: (status: SwarmStatus) => void): () => void {
    this.#watchers.add(seen);
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return () => this.#watchers.delete(seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchers.clear();
    this.#life.abort();
    await this.#looking;
    this.#life.dispose();
  }

  async #look(): Promise<void> {
    const { time, log } = this.#deps;
    let told = "";
    while (this.#watchers.size > 0 && !this.#life.signal.aborted) {
      try {
        await time.clock.sleep(LOOK_EVERY_MS, this.#life.signal);
        void this.#search();
        const status = await this.status();
        const text = JSON.stringify(status);
        if (text !== told) for (const watcher of this.#watchers) watcher(status);
        told = text;
      } catch (error) {
        if (!this.#life.signal.aborted) log.warn({ error }, "the state of the swarm could not be read");
      }
    }
  }

  async #search(): Promise<void> {
    const { time } = this.#deps;
    const nowMs = time.clock.monotonicMs();
    if (nowMs - this.#searchedMs < SEARCH_EVERY_MS) return;
    this.#searchedMs = nowMs;
    using round = childSignal(this.#life.signal, { ms: SEARCH_EVERY_MS, time });
    await (await this.#network())?.findDonors(round.signal).catch(() => {}); // a hint only
  }

  async #network(): Promise<SwarmNetwork | undefined> {
    return (await this.#deps.swarm.enter().catch(() => undefined))?.network;
  }
}

async function peersOf(seeing: DonorQuery): Promise<SwarmStatus["peers"]> {
  const seen = await Promise.all(seeing.network.knownPeers().map(({ id }) => queryDonor(seeing, id, false)));
  return seen
    .filter((donor) => donor !== undefined)
    .map(lineOf)
    .toSorted((a, b) => a.name.localeCompare(b.name) || a.peer.localeCompare(b.peer));
}

function lineOf({ peer, offer, pingMs }: QueriedDonor): SwarmStatus["peers"][number] {
  const { name, availability, cores, memoryBytes, load, gpus, slots, busySlots, builds } = offer;
  return {
    peer,
    name,
    open: availability.state === "open",
    reason: availability.state === "open" ? null : availability.reason,
    cores,
    memoryBytes,
    load: Math.round(load * 100) / 100,
    gpus: gpus.map((gpu) => gpu.name),
    slots,
    busySlots,
    builds: builds.map(({ blenderVersion, buildHash, backend }) => ({ version: blenderVersion, buildHash, backend })),
    pingMs: pingMs === undefined ? null : Math.round(pingMs * 10) / 10,
  };
}

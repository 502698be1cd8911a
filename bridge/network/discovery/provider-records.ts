import { createHash } from "node:crypto";
import type { Libp2p } from "@libp2p/interface";
import { CID } from "multiformats/cid";
import * as raw from "multiformats/codecs/raw";
import * as digest from "multiformats/hashes/digest";
import { sha256 } from "multiformats/hashes/sha2";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import type { DialQueue } from "./dial-queue.ts";
import { DISCOVERY_LIMITS } from "../network-limits.ts";

/** The DHT key of a swarm's donors. */
export function donorRecordKey(swarm: string): CID {
  const hash = createHash("sha256").update(`p2p-render donor ${swarm}`).digest();
  return CID.createV1(raw.code, digest.create(sha256.code, hash));
}

/** Donors in the DHT: discovery without a common local network or a central server. */
export class ProviderRecords {
  readonly #libp2p: Libp2p;
  readonly #candidates: DialQueue;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #key: CID;

  constructor(deps: { libp2p: Libp2p; candidates: DialQueue; log: Log; clock: Clock }, options: { swarm: string }) {
    this.#libp2p = deps.libp2p;
    this.#candidates = deps.candidates;
    this.#log = deps.log;
    this.#clock = deps.clock;
    this.#key = donorRecordKey(options.swarm);
  }

  /** Keeps our record alive until the signal aborts, then lets it run out. */
  async provide(signal: AbortSignal): Promise<void> {
    let rounds = 0;
    while (!signal.aborted) {
      const isKept = await this.#provideOnce(signal);
      const waitMs = isKept ? DISCOVERY_LIMITS.provideAgainMs[Math.min(rounds++, DISCOVERY_LIMITS.provideAgainMs.length - 1)] : undefined;
      await this.#clock.sleep(waitMs ?? DISCOVERY_LIMITS.searchPauseMs, signal).catch(() => undefined);
    }
    await this.#libp2p.contentRouting.cancelReprovide(this.#key).catch(() => undefined);
  }

  /** Searches until a donor is found or the time is up; connects to all it finds. */
  async find(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    using limit = childSignal(signal, { ms: DISCOVERY_LIMITS.searchMs, time: systemWorld });
    while (!limit.signal.aborted) {
      if (await this.#findOnce(limit.signal)) break;
      await this.#clock.sleep(DISCOVERY_LIMITS.searchPauseMs, limit.signal).catch(() => undefined);
    }
    signal.throwIfAborted();
  }

  /** Without peers the library would wait for its own time limit. */
  async #provideOnce(signal: AbortSignal): Promise<boolean> {
    if (this.#libp2p.getPeers().length === 0) return false;
    using limit = childSignal(signal, { ms: DISCOVERY_LIMITS.provideMs, time: systemWorld });
    try {
      await this.#libp2p.contentRouting.provide(this.#key, { signal: limit.signal });
      return true;
    } catch (err) {
      if (!signal.aborted) this.#log.debug({ err }, "the DHT did not accept our record yet");
      return false;
    }
  }

  async #findOnce(signal: AbortSignal): Promise<boolean> {
    if (this.#libp2p.getPeers().length === 0) return false;
    using limit = childSignal(signal, { ms: DISCOVERY_LIMITS.searchAttemptMs, time: systemWorld });
    const dials: Promise<void>[] = [];
    try {
      for await (const donor of this.#libp2p.contentRouting.findProviders(this.#key, { signal: limit.signal })) {
        if (donor.id.equals(this.#libp2p.peerId)) continue;
        dials.push(this.#candidates.reach(donor.id, donor.multiaddrs.slice(0, DISCOVERY_LIMITS.maxAddressesPerCandidate), signal));
        if (dials.length >= DISCOVERY_LIMITS.maxDonorsPerSearch) break;
      }
    } catch (err) {
      if (!signal.aborted) this.#log.debug({ err }, "the DHT search did not complete");
    }
    await Promise.all(dials);
    return dials.length > 0;
  }
}

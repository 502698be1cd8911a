import type { Sha256 } from "../../kernel/ids.ts";
import { BLOCKS_LIMITS } from "./messages.ts";
import type { WantedBlock } from "./ports.ts";
import { shuffled } from "./shuffled.ts";

/** Times in ms. A stall is a span without any new block; it is given up when less than `aliveBytes` come in `giveUpMs`: a block may take long. */
export const FETCH_TIMES = {
  stallMs: 5_000,
  giveUpMs: 60_000,
  aliveBytes: 60 * BLOCKS_LIMITS.minBytesPerSecond,
  hopelessMs: 3_000,
  firstRetryMs: 25,
  maxRetries: 6,
  retryFetchMs: 500,
} as const;

export interface Ask extends WantedBlock {
  readonly force: boolean;
}

interface Block extends WantedBlock {
  readonly askedAt: Set<string>;
  readonly heldBy: Set<string>;
  /** Peers that said they do not have it (yet): how often, and when to ask again. */
  readonly denials: Map<string, { times: number; retryAtMs: number }>;
  requester: "unknown" | "redirect" | "missing";
  cameBytes: number;
}

type Availability = "good" | "slow" | "lost" | "banned";

/** At most so many of a peer's blocks are looked at for one that can be asked now. */
const SCAN = 256;

/**
 * Who is asked for which block next. Pure: time and chance are handed in.
 *
 * Each block starts in a shuffled queue for the requester, so that donors ask it for different ones. A
 * block that another good peer is said to have leaves that queue and comes back when no such peer is left.
 */
export class FetchPlan {
  readonly #requester: string;
  readonly #pending = new Map<Sha256, Block>();
  readonly #queue: Sha256[];
  readonly #known = new Map<string, Set<Sha256>>();
  readonly #availability = new Map<string, Availability>();
  #deferred: { readonly block: Block; readonly atMs: number }[] = [];
  #progressAtMs: number;
  #aliveAtMs: number;
  #cameBytes = 0;
  #stalledAtMs: number;
  #hopelessSinceMs: number | undefined;
  #stalled = false;

  constructor(
    wanted: readonly WantedBlock[],
    options: { readonly requester: string; readonly random: () => number; readonly nowMs: number },
  ) {
    this.#requester = options.requester;
    this.#progressAtMs = options.nowMs;
    this.#aliveAtMs = options.nowMs;
    this.#stalledAtMs = options.nowMs;
    for (const { hash, bytes } of wanted) {
      const nobody = { askedAt: new Set<string>(), heldBy: new Set<string>(), denials: new Map() };
      this.#pending.set(hash, { hash, bytes, ...nobody, requester: "unknown", cameBytes: 0 });
    }
    this.#queue = shuffled([...this.#pending.keys()], options.random);
  }

  get done(): boolean {
    return this.#pending.size === 0;
  }

  isBanned(peer: string): boolean {
    return this.#availability.get(peer) === "banned";
  }

  /** Some block that is still wanted is said to be there. */
  wantsFrom(peer: string): boolean {
    if (peer === this.#requester) return !this.done;
    for (const hash of this.#known.get(peer) ?? []) {
      if (this.#pending.has(hash)) return true;
      this.#known.get(peer)?.delete(hash);
    }
    return false;
  }

  /** What to ask this peer for now; it counts as asked. */
  next(peer: string, nowMs: number): Ask | undefined {
    const block = peer === this.#requester ? this.#nextOfRequester() : this.#nextOfDonor(peer, nowMs);
    if (block === undefined) return undefined;
    block.askedAt.add(peer);
    return { hash: block.hash, bytes: block.bytes, force: peer === this.#requester && block.requester === "redirect" };
  }

  /** Wanted blocks that this peer has not been asked about. */
  unknownAt(peer: string, most: number): Sha256[] {
    const known = this.#known.get(peer);
    const hashes: Sha256[] = [];
    for (let index = this.#queue.length - 1; index >= 0 && hashes.length < most; index--) {
      const hash = this.#queue[index] as Sha256;
      if (this.#pending.has(hash) && !known?.has(hash)) hashes.push(hash);
    }
    for (const hash of this.#pending.keys()) {
      if (hashes.length >= most) break;
      if (!known?.has(hash)) hashes.push(hash);
    }
    return [...new Set(hashes)];
  }

  has(peer: string, hash: Sha256): void {
    const block = this.#pending.get(hash);
    if (block === undefined || peer === this.#requester) return;
    block.heldBy.add(peer);
    const known = this.#known.get(peer) ?? new Set();
    this.#known.set(peer, known.add(hash));
  }

  /** So much of a block has come. What came before, and was lost with its stream, is no news. */
  came(hash: Sha256, bytes: number, nowMs: number): void {
    const block = this.#pending.get(hash);
    if (block === undefined || bytes <= block.cameBytes) return;
    this.#cameBytes += bytes - block.cameBytes;
    block.cameBytes = bytes;
    if (this.#cameBytes < FETCH_TIMES.aliveBytes) return;
    this.#cameBytes = 0;
    this.#aliveAtMs = nowMs;
  }

  /** It lies in the store. False when it had come from somebody else already. */
  received(peer: string, hash: Sha256, nowMs: number): boolean {
    if (this.#availability.get(peer) === "slow") this.#availability.set(peer, "good");
    if (!this.#pending.delete(hash)) return false;
    this.#progressAtMs = nowMs;
    this.#aliveAtMs = nowMs;
    this.#stalled = false;
    return true;
  }

  /** The requester named others. Named again on insisting, the block is on its way to them: the requester is asked a little later. */
  redirect(ask: Ask, peers: readonly string[], nowMs: number): void {
    const block = this.#pending.get(ask.hash);
    if (block === undefined) return;
    block.askedAt.delete(this.#requester);
    block.requester = "redirect";
    for (const peer of peers) this.has(peer, ask.hash);
    if (ask.force) this.#deferred.push({ block, atMs: nowMs + FETCH_TIMES.retryFetchMs });
    else this.#requeue(block);
  }

  missing(peer: string, hash: Sha256, nowMs: number): void {
    const block = this.#pending.get(hash);
    if (block === undefined) return;
    block.askedAt.delete(peer);
    if (peer === this.#requester) {
      block.requester = "missing";
      return;
    }
    const times = (block.denials.get(peer)?.times ?? 0) + 1;
    block.denials.set(peer, { times, retryAtMs: nowMs + FETCH_TIMES.firstRetryMs * 2 ** times });
    const known = this.#known.get(peer);
    known?.delete(hash);
    if (times < FETCH_TIMES.maxRetries) known?.add(hash);
    else {
      block.heldBy.delete(peer);
      block.denials.delete(peer);
    }
    this.#requeue(block);
  }

  /** Its stream ended badly: what it was asked for is open again. It is good again once `peerBack` says so. */
  peerLost(peer: string, availability: "lost" | "banned"): void {
    if (!this.isBanned(peer)) this.#availability.set(peer, availability);
    for (const block of this.#pending.values()) {
      const concerned = block.askedAt.delete(peer) || block.heldBy.has(peer);
      if (availability === "banned") block.heldBy.delete(peer);
      if (concerned) this.#requeue(block);
    }
    if (availability === "banned") this.#known.delete(peer);
  }

  peerBack(peer: string): void {
    if (this.#availability.get(peer) === "lost") this.#availability.set(peer, "good");
  }

  /** To be called every now and then: notices stalls. Says why the fetch cannot succeed, if so. */
  tick(nowMs: number): "going" | "missing" | "silent" {
    if (this.done) return "going";
    for (const { block, atMs } of this.#deferred) if (atMs <= nowMs && this.#pending.has(block.hash)) this.#requeue(block);
    this.#deferred = this.#deferred.filter((deferred) => deferred.atMs > nowMs);
    if (nowMs - this.#aliveAtMs >= FETCH_TIMES.giveUpMs) return "silent";
    if (nowMs - Math.max(this.#progressAtMs, this.#stalledAtMs) >= FETCH_TIMES.stallMs) this.#breakStall(nowMs);
    if (!this.#isHopeless()) this.#hopelessSinceMs = undefined;
    else if (nowMs - (this.#hopelessSinceMs ??= nowMs) >= FETCH_TIMES.hopelessMs) return "missing";
    return "going";
  }

  #nextOfRequester(): Block | undefined {
    for (let hash = this.#queue.pop(); hash !== undefined; hash = this.#queue.pop()) {
      const block = this.#pending.get(hash);
      if (block === undefined || block.requester === "missing" || block.askedAt.has(this.#requester)) continue;
      if (this.#stalled || (block.askedAt.size === 0 && !this.#isHintedWell(block))) return block;
    }
    return undefined;
  }

  #nextOfDonor(peer: string, nowMs: number): Block | undefined {
    const known = this.#known.get(peer);
    let scanned = 0;
    for (const hash of known ?? []) {
      const block = this.#pending.get(hash);
      if (block === undefined) known?.delete(hash);
      else if (block.askedAt.size === 0 && (block.denials.get(peer)?.retryAtMs ?? 0) <= nowMs) return block;
      if (++scanned >= SCAN) break;
    }
    return undefined;
  }

  /** Back into the requester's queue, unless somebody is being asked or a good peer is said to have it. */
  #requeue(block: Block): void {
    if (block.askedAt.size === 0 && !this.#isHintedWell(block)) this.#queue.push(block.hash);
  }

  #isHintedWell(block: Block): boolean {
    for (const peer of block.heldBy) if ((this.#availability.get(peer) ?? "good") === "good") return true;
    return false;
  }

  /** Peers that were to give something and did not are not waited for again; the requester is asked for all that is left. */
  #breakStall(nowMs: number): void {
    this.#stalledAtMs = nowMs;
    this.#stalled = true;
    for (const block of this.#pending.values()) {
      for (const peer of block.heldBy) if ((this.#availability.get(peer) ?? "good") === "good") this.#availability.set(peer, "slow");
      this.#queue.push(block.hash);
    }
  }

  /** Some block that neither the requester nor anybody known can give. */
  #isHopeless(): boolean {
    const requesterGone = this.isBanned(this.#requester);
    for (const block of this.#pending.values()) {
      if ((requesterGone || block.requester === "missing") && block.askedAt.size === 0 && block.heldBy.size === 0) return true;
    }
    return false;
  }
}

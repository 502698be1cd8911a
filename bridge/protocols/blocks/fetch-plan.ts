import type { Sha256 } from "../../kernel/ids.ts";
import { BLOCKS_LIMITS } from "./messages.ts";
import type { WantedBlock } from "./ports.ts";
import { shuffled } from "./shuffled.ts";

/** Times in ms. A stall is a period without a new block; the fetch is given up when less than `aliveBytes` arrive in `giveUpMs`, since a block may take long. */
export const FETCH_TIMES = {
  stallMs: 5_000,
  giveUpMs: 60_000,
  aliveBytes: 60 * BLOCKS_LIMITS.minBytesPerSecond,
  hopelessMs: 3_000,
  firstRetryMs: 25,
  maxRetries: 6,
  retryFetchMs: 500,
} as const;

export interface PlannedRequest extends WantedBlock {
  readonly force: boolean;
}

interface Block extends WantedBlock {
  readonly askedAt: Set<string>;
  readonly heldBy: Set<string>;
  /** Peers that answered that they do not have it (yet): how often, and when to retry. */
  readonly denials: Map<string, { times: number; retryAtMs: number }>;
  requester: "unknown" | "redirect" | "missing";
  cameBytes: number;
}

type Availability = "good" | "slow" | "lost" | "banned";

/** At most this many of a peer's blocks are searched for one that can be requested now. */
const SCAN = 256;

/**
 * Decides which block to request from which peer. Pure: time and randomness are passed in.
 *
 * Each block starts in a shuffled queue for the requester, so that donors request different ones. A
 * block that another good peer is named for leaves that queue and returns when no such peer is left.
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

  /** Whether this peer is named for a block that is still wanted. */
  wantsFrom(peer: string): boolean {
    if (peer === this.#requester) return !this.done;
    for (const hash of this.#known.get(peer) ?? []) {
      if (this.#pending.has(hash)) return true;
      this.#known.get(peer)?.delete(hash);
    }
    return false;
  }

  /** The blocks to request from this peer now; they count as requested. */
  next(peer: string, nowMs: number): PlannedRequest | undefined {
    const block = peer === this.#requester ? this.#nextOfRequester() : this.#nextOfDonor(peer, nowMs);
    if (block === undefined) return undefined;
    block.askedAt.add(peer);
    return { hash: block.hash, bytes: block.bytes, force: peer === this.#requester && block.requester === "redirect" };
  }

  /** Wanted blocks about which this peer was not queried yet. */
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

  /** Records received bytes of a block. Bytes received before, and lost with their stream, do not count again. */
  came(hash: Sha256, bytes: number, nowMs: number): void {
    const block = this.#pending.get(hash);
    if (block === undefined || bytes <= block.cameBytes) return;
    this.#cameBytes += bytes - block.cameBytes;
    block.cameBytes = bytes;
    if (this.#cameBytes < FETCH_TIMES.aliveBytes) return;
    this.#cameBytes = 0;
    this.#aliveAtMs = nowMs;
  }

  /** Marks a block as stored. False when it was already stored from another peer. */
  received(peer: string, hash: Sha256, nowMs: number): boolean {
    if (this.#availability.get(peer) === "slow") this.#availability.set(peer, "good");
    if (!this.#pending.delete(hash)) return false;
    this.#progressAtMs = nowMs;
    this.#aliveAtMs = nowMs;
    this.#stalled = false;
    return true;
  }

  /** The requester redirected to others. If it redirects a forced request, the block is being sent to them: the requester is tried again later. */
  redirect(ask: PlannedRequest, peers: readonly string[], nowMs: number): void {
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

  /** Its stream failed: its requests are reassigned. It counts as good again after `peerBack`. */
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

  /** To be called regularly: detects stalls. Returns why the fetch cannot succeed, if so. */
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

  /** Returns a block to the requester's queue, unless it is requested or a good peer is named for it. */
  #requeue(block: Block): void {
    if (block.askedAt.size === 0 && !this.#isHintedWell(block)) this.#queue.push(block.hash);
  }

  #isHintedWell(block: Block): boolean {
    for (const peer of block.heldBy) if ((this.#availability.get(peer) ?? "good") === "good") return true;
    return false;
  }

  /** After a stall, peers that did not deliver are not waited for; all missing blocks are requested from the requester. */
  #breakStall(nowMs: number): void {
    this.#stalledAtMs = nowMs;
    this.#stalled = true;
    for (const block of this.#pending.values()) {
      for (const peer of block.heldBy) if ((this.#availability.get(peer) ?? "good") === "good") this.#availability.set(peer, "slow");
      this.#queue.push(block.hash);
    }
  }

  /** A block that neither the requester nor any known peer can send. */
  #isHopeless(): boolean {
    const requesterGone = this.isBanned(this.#requester);
    for (const block of this.#pending.values()) {
      if ((requesterGone || block.requester === "missing") && block.askedAt.size === 0 && block.heldBy.size === 0) return true;
    }
    return false;
  }
}

import { childSignal } from "../../kernel/abort.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import { Notifier } from "../../kernel/notifier.ts";
import { runningTimeClock } from "../../kernel/time/patience.ts";
import type { Time, World } from "../../kernel/world.ts";
import type { FrameStream } from "../frame-stream.ts";
import { FetchPlan } from "./fetch-plan.ts";
import { FetchWorker } from "./fetch-worker.ts";
import { type BlockPeer, BLOCKS_LIMITS } from "./messages.ts";
import type { BlockProgress, BlockSink, WantedBlock } from "./ports.ts";

export interface FetchBlocksRequest {
  /** Hashes with their sizes in the manifest. */
  readonly wanted: readonly WantedBlock[];
  /** Has all of them. */
  readonly requester: BlockPeer;
  /** Other peers that may currently have some; called repeatedly. Peers named by the requester are used, too. */
  readonly sources: () => readonly BlockPeer[];
  /** Opens a stream of BLOCKS_PROTOCOL. */
  readonly open: (peer: BlockPeer, signal: AbortSignal) => Promise<FrameStream>;
  readonly store: BlockSink;
  /** The longest range to request now; default: what suits the link. */
  readonly pieceBytes?: () => number | undefined;
  readonly world: Time & Pick<World, "random">;
}

export interface FetchSummary {
  /** Bytes of valid blocks by peer id. */
  readonly bytesFrom: ReadonlyMap<string, number>;
  /** Peers that sent invalid data, and from which no more was requested. */
  readonly banned: readonly string[];
}

const TICK_MS = 250;
/** While this process is suspended, peers do not count as silent. */
const MOST_BETWEEN_LOOKS_MS = 2_000;

/**
 * Fetches every wanted block into the store: from the requester and from other donors at once, each
 * verified; blocks in the store are not requested. Peers may join, leave, send wrong data and stall meanwhile.
 * Throws BLOCK_MISSING (no peer has a block), BLOCK_CORRUPT (only peers with wrong data are left), PEER_UNREACHABLE
 * (too little data for a minute), DISK_FULL, or the signal's reason.
 */
export async function fetchBlocks(
  request: FetchBlocksRequest,
  signal: AbortSignal,
  onProgress: (progress: BlockProgress) => void = () => {},
): Promise<FetchSummary> {
  signal.throwIfAborted();
  return await new Fetch(request, onProgress).run(signal);
}

class Fetch {
  readonly #request: FetchBlocksRequest;
  readonly #nowMs: () => number;
  readonly #plan: FetchPlan;
  readonly #notifier = new Notifier();
  readonly #peers = new Map<string, BlockPeer>();
  readonly #tried = new Set<string>();
  readonly #workers = new Map<string, Promise<void>>();
  readonly #bytesFrom = new Map<string, number>();
  readonly #banned = new Map<string, FarmError>();
  readonly #onProgress: () => void;
  #progress: BlockProgress;
  #fatal: Error | undefined;

  constructor(request: FetchBlocksRequest, onProgress: (progress: BlockProgress) => void) {
    this.#request = request;
    this.#nowMs = runningTimeClock(() => request.world.clock.monotonicMs(), MOST_BETWEEN_LOOKS_MS);
    const wanted = [...new Map(request.wanted.map((block) => [block.hash, block])).values()];
    const open = wanted.filter((block) => !request.store.has(block.hash));
    const bytesTotal = sumBytes(wanted);
    this.#progress = {
      blocksDone: wanted.length - open.length,
      blocksTotal: wanted.length,
      bytesDone: bytesTotal - sumBytes(open),
      bytesTotal,
    };
    this.#onProgress = () => onProgress(this.#progress);
    const random = () => request.world.random.fraction();
    this.#plan = new FetchPlan(open, { requester: request.requester.id, random, nowMs: this.#nowMs() });
  }

  async run(parent: AbortSignal): Promise<FetchSummary> {
    using child = childSignal(parent);
    this.#onProgress();
    try {
      while (!this.#plan.done) {
        parent.throwIfAborted();
        if (this.#fatal !== undefined) throw this.#fatal;
        this.#startWorkers(child.signal);
        this.#judge(this.#plan.tick(this.#nowMs()));
        await this.#notifier.wait(child.signal, { ms: TICK_MS, timers: this.#request.world.timers });
      }
    } finally {
      child.abort();
      await Promise.all(this.#workers.values());
    }
    return { bytesFrom: this.#bytesFrom, banned: [...this.#banned.keys()] };
  }

  #judge(verdict: "going" | "missing" | "silent"): void {
    if (verdict === "going") return;
    const lie = [...this.#banned.values()][0];
    if (verdict === "missing" && lie) throw lie;
    if (verdict === "missing")
      throw new FarmError("BLOCK_MISSING", "no peer has a part of the scene", { facts: { wanted: this.#progress.blocksTotal } });
    throw new FarmError("PEER_UNREACHABLE", "no peer sent anything of the scene for a while", {
      facts: { requester: this.#request.requester.id },
    });
  }

  /** The requester always; other peers up to the limit if they may have something. */
  #startWorkers(signal: AbortSignal): void {
    this.#peers.set(this.#request.requester.id, this.#request.requester);
    this.#startWorker(this.#request.requester, signal);
    for (const peer of this.#request.sources()) if (!this.#peers.has(peer.id)) this.#peers.set(peer.id, peer);
    for (const peer of this.#peers.values()) {
      if (this.#hasRoom() && (!this.#tried.has(peer.id) || this.#plan.wantsFrom(peer.id))) this.#startWorker(peer, signal);
    }
  }

  #startWorker(peer: BlockPeer, signal: AbortSignal): void {
    if (this.#workers.has(peer.id) || this.#plan.isBanned(peer.id) || signal.aborted) return;
    this.#tried.add(peer.id);
    const worker = new FetchWorker(peer, {
      time: this.#request.world,
      plan: this.#plan,
      notifier: this.#notifier,
      store: this.#request.store,
      isRequester: peer.id === this.#request.requester.id,
      nowMs: this.#nowMs,
      open: this.#request.open,
      pieceBytes: this.#request.pieceBytes ?? (() => undefined),
      named: (peers) => this.#named(peers),
      stored: (bytes) => this.#stored(peer.id, bytes),
      othersWait: () => !this.#hasRoom(),
    });
    const finished = worker.run(signal).then(
      () => {},
      (error: unknown) => this.#ended(peer, error),
    );
    this.#workers.set(
      peer.id,
      finished.finally(() => {
        this.#workers.delete(peer.id);
        this.#notifier.wake();
      }),
    );
  }

  /** A worker throws only for a peer that must not be used again, or for an error of our own. */
  #ended(peer: BlockPeer, error: unknown): void {
    if (isFarmError(error, "BLOCK_CORRUPT") || isFarmError(error, "PEER_BROKE_PROTOCOL")) {
      this.#banned.set(peer.id, error);
      this.#plan.peerLost(peer.id, "banned");
    } else this.#fatal = error instanceof Error ? error : new Error("a fetch worker failed", { cause: error });
  }

  #named(peers: readonly BlockPeer[]): void {
    for (const peer of peers) if (peer.id !== this.#request.requester.id) this.#peers.set(peer.id, peer);
    this.#notifier.wake();
  }

  #stored(peer: string, bytes: number): void {
    this.#bytesFrom.set(peer, (this.#bytesFrom.get(peer) ?? 0) + bytes);
    this.#progress = { ...this.#progress, blocksDone: this.#progress.blocksDone + 1, bytesDone: this.#progress.bytesDone + bytes };
    this.#onProgress();
    this.#notifier.wake();
  }

  #hasRoom(): boolean {
    return this.#workers.size <= BLOCKS_LIMITS.maxParallelPeers;
  }
}

function sumBytes(blocks: readonly WantedBlock[]): number {
  return blocks.reduce((sum, block) => sum + block.bytes, 0);
}

import { FarmError, isFarmError } from "../../kernel/errors.ts";
import { Notifier } from "../../kernel/notifier.ts";
import type { Time } from "../../kernel/world.ts";
import type { FrameStream } from "../frame-stream.ts";
import { peerLimit } from "../peer-limit.ts";
import type { PlannedRequest, FetchPlan } from "./fetch-plan.ts";
import { type BlockPeer, BLOCKS_LIMITS, type BlocksAnswer } from "./messages.ts";
import type { BlockSink } from "./ports.ts";
import { TransferPace } from "./transfer-pace.ts";
import { readAnswer, readBulk, sendRequest } from "./read-answer.ts";

export interface FetchWorkerDeps {
  readonly time: Time;
  readonly plan: FetchPlan;
  readonly notifier: Notifier;
  readonly store: BlockSink;
  readonly isRequester: boolean;
  readonly nowMs: () => number;
  readonly open: (peer: BlockPeer, signal: AbortSignal) => Promise<FrameStream>;
  readonly pieceBytes: () => number | undefined;
  /** Called with peers that the requester named. */
  readonly named: (peers: readonly BlockPeer[]) => void;
  readonly stored: (bytes: number) => void;
  /** Whether another peer waits for a worker. */
  readonly othersWait: () => boolean;
}

/** A peer without wanted blocks is queried again this often. */
const HAVE_EVERY_MS = 1_000;
/** Below the far side's idle limit: we close an unused stream, and reopen it when needed. */
const CLOSE_IDLE_MS = BLOCKS_LIMITS.idleTimeoutMs / 2;
const IDLE_STEP_MS = 100;
/** Blocks being stored while the next ones arrive. */
const MAX_STORING = 2;
const MAX_BACKOFF_MS = 4_000;
/** Consecutive failures of a donor; the requester is retried as long as the fetch lasts. */
const MAX_FAILURES = 3;

/** Requests blocks from one peer over one stream, which it reopens after a failure. */
export class FetchWorker {
  readonly #peer: BlockPeer;
  readonly #deps: FetchWorkerDeps;
  #failures = 0;
  #haveAskedAtMs = Number.NEGATIVE_INFINITY;
  #pace = new TransferPace();

  constructor(peer: BlockPeer, deps: FetchWorkerDeps) {
    this.#peer = peer;
    this.#deps = deps;
  }

  /** Ends when this peer has nothing more, or on abort. Throws BLOCK_CORRUPT and PEER_BROKE_PROTOCOL for a bad peer, and the store's errors. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#deps.plan.done) {
      try {
        const first = this.#deps.isRequester ? await this.#firstAsk(signal) : [];
        if (first === undefined) return;
        await this.#session(first, signal);
        if (!this.#deps.isRequester) return;
      } catch (error) {
        if (signal.aborted || (await this.#failed(error, signal)) === "give-up") return;
      }
    }
  }

  /** Reassigns the requests and waits, longer each time; rethrows errors that a retry cannot fix. */
  async #failed(error: unknown, signal: AbortSignal): Promise<"try-again" | "give-up"> {
    if (error instanceof StoreFailure) throw error.cause;
    if (isFarmError(error, "BLOCK_CORRUPT") || isFarmError(error, "PEER_BROKE_PROTOCOL")) throw error;
    this.#deps.plan.peerLost(this.#peer.id, "lost");
    this.#deps.notifier.wake();
    if (++this.#failures >= MAX_FAILURES && !this.#deps.isRequester) return "give-up";
    const { timers } = this.#deps.time;
    await new Notifier().wait(signal, { ms: Math.min(MAX_BACKOFF_MS, 125 * 2 ** this.#failures), timers });
    return "try-again";
  }

  /** Waits for a block to request from the requester, so that no unused stream is open; undefined when the fetch is over. */
  async #firstAsk(signal: AbortSignal): Promise<PlannedRequest[] | undefined> {
    while (!signal.aborted && !this.#deps.plan.done) {
      const ask = this.#deps.plan.next(this.#peer.id, this.#deps.nowMs());
      if (ask !== undefined) return [ask];
      await this.#deps.notifier.wait(signal, { ms: IDLE_STEP_MS, timers: this.#deps.time.timers });
    }
    return undefined;
  }

  async #session(first: readonly PlannedRequest[], parent: AbortSignal): Promise<void> {
    using opening = peerLimit(parent, BLOCKS_LIMITS.openTimeoutMs, this.#deps.time);
    const stream = await this.#deps.open(this.#peer, opening.signal);
    opening.dispose();
    this.#pace = new TransferPace();
    this.#deps.plan.peerBack(this.#peer.id);
    try {
      for (const ask of first) await this.#sendGet(stream, ask, parent);
      await this.#talk(stream, [...first], parent);
      await stream.close();
    } catch (error) {
      stream.abort(error as Error);
      throw error;
    }
  }

  /** Keeps up to `maxOutstanding` requests open; answers come in the order of requests. */
  async #talk(stream: FrameStream, asked: PlannedRequest[], signal: AbortSignal): Promise<void> {
    const storing: Storing[] = [];
    let idleSinceMs: number | undefined;
    try {
      while (asked.length > 0 || storing.length > 0 || !this.#deps.plan.done) {
        signal.throwIfAborted();
        await this.#fill(stream, asked, signal);
        const ask = asked.shift();
        if (ask !== undefined) {
          idleSinceMs = undefined;
          storing.push(...(await this.#receive(stream, ask, signal)));
          if (storing.length > MAX_STORING) await settle(storing.shift());
        } else if (storing.length > 0) await settle(storing.shift());
        else if ((await this.#rest((idleSinceMs ??= this.#deps.nowMs()), signal)) === "end") return;
      }
    } finally {
      await Promise.all(storing.map((store) => store.failure));
    }
  }

  async #fill(stream: FrameStream, asked: PlannedRequest[], signal: AbortSignal): Promise<void> {
    if (asked.length === 0) await this.#askWhatItHas(stream, signal);
    while (asked.length < BLOCKS_LIMITS.maxOutstanding) {
      const ask = this.#deps.plan.next(this.#peer.id, this.#deps.nowMs());
      if (ask === undefined) return;
      asked.push(ask);
      await this.#sendGet(stream, ask, signal);
    }
  }

  /** Nothing to request: waits; ends when the fetch is over, when another peer needs the worker, or before the far side's idle limit. */
  async #rest(idleSinceMs: number, signal: AbortSignal): Promise<"go-on" | "end"> {
    const { plan, notifier, nowMs, isRequester, othersWait } = this.#deps;
    const { timers } = this.#deps.time;
    if (plan.done || nowMs() - idleSinceMs > CLOSE_IDLE_MS) return "end";
    if (!isRequester && othersWait() && !plan.wantsFrom(this.#peer.id)) return "end";
    await notifier.wait(signal, { ms: IDLE_STEP_MS, timers });
    return "go-on";
  }

  async #askWhatItHas(stream: FrameStream, signal: AbortSignal): Promise<void> {
    const { plan, nowMs, isRequester } = this.#deps;
    if (isRequester || nowMs() - this.#haveAskedAtMs < HAVE_EVERY_MS) return;
    this.#haveAskedAtMs = nowMs();
    const hashes = plan.unknownAt(this.#peer.id, BLOCKS_LIMITS.maxHaveHashes);
    if (hashes.length === 0) return;
    await sendRequest(stream, { type: "have", hashes }, signal);
    const answer = await readAnswer(stream, signal);
    if (answer.type !== "have" || answer.bits.length !== hashes.length) throw broke("an answer does not fit the question");
    hashes.forEach((hash, index) => {
      if (answer.bits[index] === "1") plan.has(this.#peer.id, hash);
    });
  }

  async #sendGet(stream: FrameStream, ask: PlannedRequest, signal: AbortSignal): Promise<void> {
    const piece = this.#deps.pieceBytes() ?? this.#pace.pieceBytes;
    await sendRequest(stream, { type: "get", hash: ask.hash, ...(ask.force ? { force: true } : {}), piece }, signal);
  }

  /** Handles one answer; for a block, returns the promise of storing it. */
  async #receive(stream: FrameStream, ask: PlannedRequest, signal: AbortSignal): Promise<Storing[]> {
    const { plan, nowMs } = this.#deps;
    const answer = await readAnswer(stream, signal);
    if (answer.type === "have" || answer.hash !== ask.hash) throw broke("an answer does not fit the question");
    if (answer.type !== "block") {
      this.#refused(ask, answer);
      return [];
    }
    if (answer.bytes !== ask.bytes) {
      throw new FarmError("BLOCK_CORRUPT", "a peer's block has the wrong size", { facts: { hash: ask.hash, peer: this.#peer.id } });
    }
    let came = 0;
    const passed = (bytes: number, waitedMs: number) => {
      plan.came(ask.hash, (came += bytes), nowMs());
      this.#pace.passed(bytes, waitedMs);
    };
    const content = await readBulk(stream, { bytes: ask.bytes, pace: { passed } }, signal);
    return [{ failure: this.#store(ask, content) }];
  }

  /** Only the requester knows which peers have a block; from any other peer "redirect" counts as missing. */
  #refused(ask: PlannedRequest, answer: Extract<BlocksAnswer, { type: "redirect" | "missing" }>): void {
    const { plan, isRequester, named, nowMs } = this.#deps;
    if (answer.type === "redirect" && isRequester) {
      named(answer.peers);
      plan.redirect(
        ask,
        answer.peers.map((peer) => peer.id),
        nowMs(),
      );
    } else plan.missing(this.#peer.id, ask.hash, nowMs());
  }

  /** Never rejects: errors are handled in order. */
  async #store(ask: PlannedRequest, content: Uint8Array): Promise<Error | undefined> {
    try {
      await this.#deps.store.put(ask.hash, content);
    } catch (error) {
      return isFarmError(error, "BLOCK_CORRUPT") ? error : new StoreFailure("a block could not be stored", { cause: error });
    }
    this.#failures = 0;
    if (this.#deps.plan.received(this.#peer.id, ask.hash, this.#deps.nowMs())) this.#deps.stored(content.length);
    return undefined;
  }
}

interface Storing {
  readonly failure: Promise<Error | undefined>;
}

/** An error of our own disk, not of the peer. */
class StoreFailure extends Error {}

async function settle(storing: Storing | undefined): Promise<void> {
  const failure = await storing?.failure;
  if (failure !== undefined) throw failure;
}

function broke(why: string): FarmError {
  return new FarmError("PEER_BROKE_PROTOCOL", why);
}

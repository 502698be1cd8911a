import type { ChunkSpec, DeviceClass, ResultFile } from "../core/plan/chunk.ts";
import { type LinkedAbort, childSignal } from "../kernel/abort.ts";
import type { Clock } from "../kernel/time/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import { TrackedTasks } from "../kernel/tracked-tasks.ts";
import type { ScenesAndResults } from "./ports.ts";

/** How long a donor renders and keeps results for a requester that vanished without a goodbye. */
export const ORPHAN_RETENTION = {
  /** A chunk that was begun may run on for this long. */
  finishMs: 15 * 60_000,
  /** After this it yields its slot to a waiting chunk of a connected requester; checked every `lookMs`. */
  yieldMs: 30_000,
  lookMs: 5_000,
  keepMs: 15 * 60_000,
  /** For chunks that took longer than `longChunkSeconds`. */
  keepLongMs: 2 * 3_600_000,
  longChunkSeconds: 300,
  /** Results kept at the same time; the oldest goes first. */
  maxKept: 10_000,
} as const;

/** A chunk's result: the files that its donor commits to. */
export interface ChunkResult {
  readonly files: readonly ResultFile[];
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  /** Its device class, if it differs from the donor's. */
  readonly deviceClass?: DeviceClass | undefined;
}

/** Chunks of one job of one requester, and for no other. */
export interface ChunkOf {
  readonly peer: string;
  readonly job: string;
  readonly spec: ChunkSpec;
}

export interface OrphanedResultsDeps {
  readonly store: Pick<ScenesAndResults, "dropResult">;
  readonly clock: Clock;
  /** Whether chunks of connected requesters wait for a slot. */
  readonly isSlotWanted: () => boolean;
}

interface Kept {
  readonly result: Promise<ChunkResult>;
  /** Its Blender still renders it. */
  isAtWork: boolean;
  /** Ends its rendering; does nothing once that is over. */
  readonly cancel: (reason: Error) => void;
  readonly life: LinkedAbort;
  /** It was handed over to another owner. */
  taken: boolean;
  /** Settles when nothing of it is left. */
  ended: Promise<void>;
}

/**
 * Chunks whose requester vanished: still rendering, or done and waiting for it. When it reconnects and leases
 * the same chunk again, it gets this one; otherwise all are dropped.
 */
export class OrphanedResults implements AsyncDisposable {
  readonly #deps: OrphanedResultsDeps;
  readonly #kept = new Map<string, Kept>();
  readonly #watching = new TrackedTasks();

  constructor(deps: OrphanedResultsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#kept.size;
  }

  keep(chunk: ChunkOf, { result, cancel }: Pick<Kept, "result" | "cancel">): void {
    const key = keyOf(chunk);
    this.#kept.get(key)?.life.abort(); // replaced by a later render of the same chunk
    if (this.#kept.size >= ORPHAN_RETENTION.maxKept) void this.dropOldest();
    const kept: Kept = { result, cancel, isAtWork: true, life: childSignal(), taken: false, ended: Promise.resolve() };
    this.#kept.set(key, kept);
    kept.ended = this.#watching.add(this.#watch(key, kept, chunk.peer));
  }

  /** Returns a kept chunk, once; undefined when there is none. */
  take(chunk: ChunkOf): Pick<Kept, "result" | "cancel"> | undefined {
    const key = keyOf(chunk);
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#kept.delete(key);
    kept.taken = true;
    kept.life.abort();
    return { result: kept.result, cancel: kept.cancel };
  }

  /** Drops the chunk that is kept longest, to make room; false when there is none. */
  async dropOldest(): Promise<boolean> {
    const [oldest] = this.#kept;
    if (oldest === undefined) return false;
    const [key, kept] = oldest;
    this.#kept.delete(key);
    kept.life.abort();
    await kept.ended;
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const kept of this.#kept.values()) kept.life.abort();
    this.#kept.clear();
    await this.#watching.settle();
  }

  /** Waits for the result, then for its requester; drops it after the time limit. */
  async #watch(key: string, kept: Kept, peer: string): Promise<void> {
    const { signal } = kept.life;
    try {
      const result = await this.#finished(kept);
      if (result) await this.#deps.clock.sleep(keepMs(result), signal);
    } catch {
      // taken, or dropped early
    }
    kept.life.dispose();
    if (kept.taken) return;
    if (this.#kept.get(key) === kept) this.#kept.delete(key);
    kept.cancel(new FarmError("CANCELLED", "its requester has not reconnected"));
    const result = await kept.result.catch(() => undefined);
    for (const file of result?.files ?? []) await this.#deps.store.dropResult(file.sha256, peer);
  }

  /** The result; undefined when there is none in time, or its slot is needed. */
  async #finished(kept: Kept): Promise<ChunkResult | undefined> {
    const { result, life } = kept;
    using limit = childSignal(life.signal);
    const late = this.#lastsTooLong(kept, limit.signal).catch(() => {});
    const finished = await Promise.race([result.catch(() => undefined), late.then(() => undefined)]);
    limit.abort();
    kept.isAtWork = false;
    life.signal.throwIfAborted();
    return finished;
  }

  /** Settles when a chunk's time is up, or when it is the oldest running one and must yield. */
  async #lastsTooLong(kept: Kept, signal: AbortSignal): Promise<void> {
    const { finishMs, yieldMs, lookMs } = ORPHAN_RETENTION;
    const { clock, isSlotWanted } = this.#deps;
    const sinceMs = clock.monotonicMs();
    for (let pastMs = 0; pastMs < finishMs; pastMs = clock.monotonicMs() - sinceMs) {
      const isFirst = [...this.#kept.values()].find(({ isAtWork }) => isAtWork) === kept;
      if (pastMs >= yieldMs && isFirst && isSlotWanted()) return;
      await clock.sleep(Math.min(lookMs, finishMs - pastMs), signal);
    }
  }
}

function keepMs({ seconds }: ChunkResult): number {
  return seconds > ORPHAN_RETENTION.longChunkSeconds ? ORPHAN_RETENTION.keepLongMs : ORPHAN_RETENTION.keepMs;
}

/** The same chunk has the same key, whatever the order of its fields. */
function keyOf({ peer, job, spec }: ChunkOf): string {
  return JSON.stringify([peer, job, sorted(spec)]);
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, sorted(field)]));
}

import { RankHeap } from "./rank-heap.ts";
import type { ChunkState } from "./types.ts";

/** Chunks of one scene frame and of similar cost (within a factor of two), in plan order. */
interface CostPile {
  readonly key: number;
  readonly sceneFrame: string;
  /** Position of its first chunk in the plan when it was made. */
  readonly rank: number;
  readonly chunks: RankHeap<ChunkState>;
}

/** Piles of similar cost: those of scene frames that no donor has begun, and the others. */
interface Group {
  /** Scene frames begun in the meantime are removed when they are reached. */
  readonly untouched: RankHeap<CostPile>;
  readonly begun: Set<CostPile>;
}

export interface ChunkWanted {
  readonly mayTake: (chunk: ChunkState) => boolean;
  /** Expensive chunks, or cheap ones for a slow donor. */
  readonly end: "dear" | "cheap";
  /** The scene frame that the donor has open: opening another frame may take longer than rendering a tile. */
  readonly sceneFrame: string | undefined;
  /** If the next chunk costs more than this (by about a factor of two), none is returned: it waits for a free slot. */
  readonly mostCost: number;
}

/** Identifies a chunk's scene frame. */
export function sceneFrameOf({ chunk: { spec } }: ChunkState): string {
  return `${spec.frame}:${spec.scene}`;
}

/**
 * Chunks that no donor works on. Those that failed before come first, and each donor is tested whether it may take
 * them. Of the others a donor gets one of the scene frame that it has open; then the first of a scene frame that no donor has
 * begun, or that was returned; then one of the scene frame with most chunks left.
 */
export class WaitingChunks {
  readonly #groups = new Map<number, Group>();
  readonly #piles = new Map<string, CostPile>();
  readonly #begun = new Set<string>();
  readonly #failed = new Set<ChunkState>();
  #fresh = 0;
  /** Group keys, most expensive first. */
  #order: number[] = [];

  get size(): number {
    return this.#fresh + this.#failed.size;
  }

  /** True when all cost about the same. */
  get isUniform(): boolean {
    return this.#order.length < 2;
  }

  add(chunk: ChunkState): void {
    if (chunk.avoid.size > 0) {
      this.#failed.add(chunk);
      return;
    }
    const key = keyOf(chunk);
    const sceneFrame = sceneFrameOf(chunk);
    let pile = this.#piles.get(nameOf(key, sceneFrame));
    if (pile) pile.chunks.push(chunk);
    else pile = this.#newPile(chunk, key, sceneFrame);
    this.#fresh++;
    if (chunk.attempts > 0) this.#giveBack(pile);
  }

  /** Takes out the next chunk for a donor. */
  take({ mayTake, end, sceneFrame, mostCost }: ChunkWanted): ChunkState | undefined {
    for (const chunk of this.#failed) {
      if (!mayTake(chunk)) continue;
      if (chunk.chunk.cost > mostCost) return undefined;
      this.#failed.delete(chunk);
      return chunk;
    }
    const pile = this.#next(end === "dear" ? this.#order : this.#order.toReversed(), sceneFrame);
    return pile && 2 ** pile.key <= mostCost ? this.#takeFrom(pile) : undefined;
  }

  #next(order: readonly number[], sceneFrame: string | undefined): CostPile | undefined {
    const open = sceneFrame === undefined ? undefined : this.#openPile(order, sceneFrame);
    if (open) return open;
    for (const key of order) {
      const pile = this.#untouchedOf(key) ?? this.#fullestOf(key);
      if (pile) return pile;
    }
    return undefined;
  }

  #openPile(order: readonly number[], sceneFrame: string): CostPile | undefined {
    for (const key of order) {
      const pile = this.#piles.get(nameOf(key, sceneFrame));
      if (pile) return pile;
    }
    return undefined;
  }

  /** The first in plan order, whatever its cost and failures; it is not removed. */
  first(): ChunkState | undefined {
    let first: ChunkState | undefined;
    const look = (chunk: ChunkState | undefined) => {
      if (chunk && (first === undefined || chunk.rank < first.rank)) first = chunk;
    };
    for (const chunk of this.#failed) look(chunk);
    for (const key of this.#order) {
      look(this.#untouchedOf(key)?.chunks.peek());
      for (const pile of this.#groupOf(key).begun) look(pile.chunks.peek());
    }
    return first;
  }

  /** Removes what `first` returned. */
  takeFirst(): ChunkState | undefined {
    const chunk = this.first();
    if (!chunk || this.#failed.delete(chunk)) return chunk;
    const pile = this.#piles.get(nameOf(keyOf(chunk), sceneFrameOf(chunk)));
    return pile && this.#takeFrom(pile);
  }

  #newPile(first: ChunkState, key: number, sceneFrame: string): CostPile {
    const pile: CostPile = { key, sceneFrame, rank: first.rank, chunks: new RankHeap(first) };
    this.#piles.set(nameOf(key, sceneFrame), pile);
    const group = this.#groupOf(key);
    if (this.#begun.has(sceneFrame)) group.begun.add(pile);
    else group.untouched.push(pile);
    return pile;
  }

  #groupOf(key: number): Group {
    const known = this.#groups.get(key);
    if (known) return known;
    const group: Group = { untouched: new RankHeap(), begun: new Set() };
    this.#groups.set(key, group);
    this.#order = [...this.#groups.keys()].toSorted((a, b) => b - a);
    return group;
  }

  #takeFrom(pile: CostPile): ChunkState | undefined {
    const { key, sceneFrame, chunks } = pile;
    const chunk = chunks.pop();
    this.#fresh--;
    this.#begin(sceneFrame);
    if (chunks.size === 0) {
      this.#groupOf(key).begun.delete(pile);
      this.#piles.delete(nameOf(key, sceneFrame));
    }
    return chunk;
  }

  /** Marks its scene frame as not begun. */
  #giveBack(pile: CostPile): void {
    this.#begun.delete(pile.sceneFrame);
    const { untouched, begun } = this.#groupOf(pile.key);
    begun.delete(pile);
    untouched.push(pile);
  }

  #begin(sceneFrame: string): void {
    if (this.#begun.has(sceneFrame)) return;
    this.#begun.add(sceneFrame);
    for (const key of this.#order) {
      const pile = this.#piles.get(nameOf(key, sceneFrame));
      if (pile) this.#groupOf(key).begun.add(pile);
    }
  }

  #untouchedOf(key: number): CostPile | undefined {
    const { untouched } = this.#groupOf(key);
    for (let pile = untouched.peek(); pile; pile = untouched.peek()) {
      if (!this.#begun.has(pile.sceneFrame) && pile.chunks.size > 0) return pile;
      untouched.pop();
    }
    return undefined;
  }

  #fullestOf(key: number): CostPile | undefined {
    let fullest: CostPile | undefined;
    for (const pile of this.#groupOf(key).begun) if (pile.chunks.size > (fullest?.chunks.size ?? 0)) fullest = pile;
    return fullest;
  }
}

/** Costs of one key differ by a factor of less than two. */
function keyOf({ chunk }: ChunkState): number {
  return Math.floor(Math.log2(Math.max(1, chunk.cost)));
}

function nameOf(key: number, sceneFrame: string): string {
  return `${key}:${sceneFrame}`;
}

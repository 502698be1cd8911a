import { RankHeap } from "./rank-heap.ts";
import type { ChunkState } from "./types.ts";

/** Chunks of one unit (one scene at one frame) and of like cost (within a factor of two), in the order of the plan. */
interface Pile {
  readonly key: number;
  readonly sceneFrame: string;
  /** Place of its first chunk in the plan when it was made. */
  readonly rank: number;
  readonly chunks: RankHeap<ChunkState>;
}

/** Piles of like cost: those of units that nobody has begun, and the others. */
interface Group {
  /** Those begun in the meantime leave it when they are met. */
  readonly untouched: RankHeap<Pile>;
  readonly begun: Set<Pile>;
}

export interface ChunkWanted {
  readonly mayTake: (chunk: ChunkState) => boolean;
  /** Dear chunks, or cheap ones for a slow donor. */
  readonly end: "dear" | "cheap";
  /** The unit that the donor has open: opening another frame costs it time, which may be more than a tile's. */
  readonly sceneFrame: string | undefined;
  /** Where the next one is dearer (by about a factor of two), there is none: it waits for a slot that is free. */
  readonly mostCost: number;
}

/** Names the unit that a chunk is a part of. */
export function sceneFrameOf({ chunk: { spec } }: ChunkState): string {
  return `${spec.frame}:${spec.scene}`;
}

/**
 * Chunks that nobody works on. Those that failed somewhere come first, and each donor is asked whether it may take
 * them. Of the others a donor gets one of the unit that it has open; then the first of a unit that nobody has
 * begun, or that somebody gave back; then it helps where most is left.
 */
export class WaitingChunks {
  readonly #groups = new Map<number, Group>();
  readonly #piles = new Map<string, Pile>();
  readonly #begun = new Set<string>();
  readonly #failed = new Set<ChunkState>();
  #fresh = 0;
  /** Group keys, dearest first. */
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

  #next(order: readonly number[], sceneFrame: string | undefined): Pile | undefined {
    const open = sceneFrame === undefined ? undefined : this.#openPile(order, sceneFrame);
    if (open) return open;
    for (const key of order) {
      const pile = this.#untouchedOf(key) ?? this.#fullestOf(key);
      if (pile) return pile;
    }
    return undefined;
  }

  #openPile(order: readonly number[], sceneFrame: string): Pile | undefined {
    for (const key of order) {
      const pile = this.#piles.get(nameOf(key, sceneFrame));
      if (pile) return pile;
    }
    return undefined;
  }

  /** The first in the order of the plan, whatever it costs and wherever it failed; it stays. */
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

  /** Takes out what `first` returned. */
  takeFirst(): ChunkState | undefined {
    const chunk = this.first();
    if (!chunk || this.#failed.delete(chunk)) return chunk;
    const pile = this.#piles.get(nameOf(keyOf(chunk), sceneFrameOf(chunk)));
    return pile && this.#takeFrom(pile);
  }

  #newPile(first: ChunkState, key: number, sceneFrame: string): Pile {
    const pile: Pile = { key, sceneFrame, rank: first.rank, chunks: new RankHeap(first) };
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

  #takeFrom(pile: Pile): ChunkState | undefined {
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

  /** Its unit is begun by nobody again. */
  #giveBack(pile: Pile): void {
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

  #untouchedOf(key: number): Pile | undefined {
    const { untouched } = this.#groupOf(key);
    for (let pile = untouched.peek(); pile; pile = untouched.peek()) {
      if (!this.#begun.has(pile.sceneFrame) && pile.chunks.size > 0) return pile;
      untouched.pop();
    }
    return undefined;
  }

  #fullestOf(key: number): Pile | undefined {
    let fullest: Pile | undefined;
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

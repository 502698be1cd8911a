import { RankHeap } from "./rank-heap.ts";
import type { ChunkState } from "./types.ts";

/**
 * Chunks that nobody works on. Those that failed somewhere come first, and each donor is asked whether it
 * may take them; the others lie in the order of the plan, in groups of like cost (within a factor of two).
 */
export class WaitingChunks {
  readonly #groups = new Map<number, RankHeap<ChunkState>>();
  readonly #failed = new Set<ChunkState>();
  #fresh = 0;
  /** Group keys, dearest first. */
  #order: number[] = [];

  get size(): number {
    return this.#fresh + this.#failed.size;
  }

  add(chunk: ChunkState): void {
    if (chunk.avoid.size > 0) {
      this.#failed.add(chunk);
      return;
    }
    const key = Math.floor(Math.log2(Math.max(1, chunk.chunk.cost)));
    let group = this.#groups.get(key);
    if (!group) {
      group = new RankHeap();
      this.#groups.set(key, group);
      this.#order = [...this.#groups.keys()].toSorted((a, b) => b - a);
    }
    group.push(chunk);
    this.#fresh++;
  }

  /** Takes out the next chunk for a donor: a dear one, or a cheap one for a slow donor. */
  take(mayTake: (chunk: ChunkState) => boolean, end: "dear" | "cheap"): ChunkState | undefined {
    for (const chunk of this.#failed) {
      if (!mayTake(chunk)) continue;
      this.#failed.delete(chunk);
      return chunk;
    }
    for (const key of end === "dear" ? this.#order : this.#order.toReversed()) {
      const chunk = this.#groups.get(key)?.pop();
      if (!chunk) continue;
      this.#fresh--;
      return chunk;
    }
    return undefined;
  }

  /** The first in the order of the plan, whatever it costs and wherever it failed; it stays. */
  first(): ChunkState | undefined {
    const heads = [...this.#failed, ...[...this.#groups.values()].flatMap((group) => group.peek() ?? [])];
    return heads.reduce<ChunkState | undefined>(
      (first, chunk) => (first === undefined || chunk.rank < first.rank ? chunk : first),
      undefined,
    );
  }

  /** Takes out what `first` returned. */
  takeFirst(): ChunkState | undefined {
    const chunk = this.first();
    if (!chunk || this.#failed.delete(chunk)) return chunk;
    this.#fresh--;
    return [...this.#groups.values()].find((group) => group.peek() === chunk)?.pop();
  }
}

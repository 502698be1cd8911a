/** A binary heap: the lowest rank comes out first. */
export class RankHeap<T extends { readonly rank: number }> {
  readonly #items: T[];

  /** Empty, or with one item. */
  constructor(first?: T) {
    this.#items = first === undefined ? [] : [first]; // capacity for one: most heaps of a long job hold one
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let index = this.#items.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#rank(parent) <= item.rank) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#items[index] = item;
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return first;
    let index = 0;
    for (let child = this.#lowerChild(0); child !== undefined && this.#rank(child) < last.rank; child = this.#lowerChild(index)) {
      this.#move(child, index);
      index = child;
    }
    this.#items[index] = last;
    return first;
  }

  #lowerChild(index: number): number | undefined {
    const left = 2 * index + 1;
    if (left >= this.#items.length) return undefined;
    return left + 1 < this.#items.length && this.#rank(left + 1) < this.#rank(left) ? left + 1 : left;
  }

  #rank(index: number): number {
    return this.#items[index]?.rank ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    this.#items[to] = this.#items[from] as T;
  }
}

import type { Rect } from "../job/scene-facts.ts";

export interface CropChoice {
  /** The crop of the result without overscan, in full-frame pixels; checked crops lie inside it. */
  readonly rect: Rect;
  readonly count: number;
  /** Side of a crop in pixels. */
  readonly size: number;
  /** HMAC-SHA256 of the result's hash with the requester's secret: crops are unpredictable without it, and repeatable with it. */
  readonly key: Uint8Array;
}

/** How often another position is tried before a crop may overlap another one. */
const TRIES = 32;

/**
 * Chooses the rectangles of a result that are rendered again. A result no larger than a crop is used whole; otherwise no
 * two crops are the same, and where possible no two share a pixel.
 */
export function chooseCrops({ rect, count, size, key }: CropChoice): readonly Rect[] {
  const width = Math.min(size, rect.width);
  const height = Math.min(size, rect.height);
  const columns = rect.width - width + 1;
  const rows = rect.height - height + 1;
  const wanted = Math.min(count, columns * rows);
  const next = numbersFrom(key);
  const taken = new Set<number>();
  const isClear = (place: number) =>
    [...taken].every(
      (other) =>
        Math.abs((place % columns) - (other % columns)) >= width ||
        Math.abs(Math.floor(place / columns) - Math.floor(other / columns)) >= height,
    );
  while (taken.size < wanted) {
    let place = next() % (columns * rows);
    for (let attempt = 1; attempt < TRIES && !isClear(place); attempt++) place = next() % (columns * rows);
    taken.add(freePlace(place, taken, columns * rows));
  }
  return [...taken].map((place) => ({ x: rect.x + (place % columns), y: rect.y + Math.floor(place / columns), width, height }));
}

function freePlace(start: number, taken: ReadonlySet<number>, places: number): number {
  let place = start;
  while (taken.has(place)) place = (place + 1) % places;
  return place;
}

/** An infinite sequence of 32-bit numbers: the key's words first, then mixed from them (splitmix32). */
function numbersFrom(key: Uint8Array): () => number {
  if (key.length < 16) throw new RangeError("a crop key needs at least 16 bytes");
  const words = new DataView(key.buffer, key.byteOffset, key.byteLength);
  let state = 0;
  let index = 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    if ((index + 1) * 4 <= key.length) state = (state ^ words.getUint32(index++ * 4)) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

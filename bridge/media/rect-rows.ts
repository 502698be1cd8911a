import type { Rect } from "../core/job/scene-facts.ts";

/** Converts rectangles, whose y goes up as in Blender, to rows of pictures, which are counted from the top. */

/** The row of `outer`'s picture, from its top, that is `inner`'s first. */
export function topRow(outer: Rect, inner: Rect): number {
  return outer.y + outer.height - (inner.y + inner.height);
}

/** The row of `outer`'s picture, from its top, after `inner`'s last. */
export function bottomRow(outer: Rect, inner: Rect): number {
  return topRow(outer, inner) + inner.height;
}

export function contains(outer: Rect, inner: Rect): boolean {
  const whole = [inner.x, inner.y, inner.width, inner.height].every(Number.isInteger) && inner.width > 0 && inner.height > 0;
  const right = inner.x + inner.width <= outer.x + outer.width;
  const top = inner.y + inner.height <= outer.y + outer.height;
  return whole && inner.x >= outer.x && inner.y >= outer.y && right && top;
}

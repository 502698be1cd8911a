import { type AutoGridInput, nearSquareGrid, tileSeconds } from "./auto-grid.ts";
import { z } from "zod";
import { TILE_RULES, TileGrid } from "./tiles.ts";

/** The last frames of an animation, cut into tiles although the others stay whole. */
export const TailFrames = TileGrid.extend({
  /** How many of them. */
  frames: z.int().min(1),
});
export type TailFrames = Readonly<z.infer<typeof TailFrames>>;

/** Frames of equal predicted cost take times that differ by about this share, because frames and donors differ. */
const UNEVEN = 0.25;

/**
 * Whole frames leave slots idle at the end: the last round is incomplete, or there are fewer frames than
 * slots. The frames of that round, in tiles, keep all slots busy until the end; undefined when that is not faster.
 */
export function tailFrames(input: AutoGridInput): TailFrames | undefined {
  const slots = Math.max(1, input.slots);
  if (slots < 2) return undefined;
  const { frames } = input;
  const late = frames - slots * Math.max(0, Math.floor(frames / slots - UNEVEN));
  const whole = tileSeconds(input, { columns: 1, rows: 1 });
  let best: { readonly grid?: TileGrid; readonly seconds: number } = {
    seconds: whole * Math.max(Math.ceil(frames / slots), frames / slots + UNEVEN),
  };
  for (let perSlot = 1; perSlot <= TILE_RULES.mostPerSlot; perSlot++) {
    const grid = nearSquareGrid(input, Math.ceil((perSlot * slots) / late));
    const tile = tileSeconds(input, grid);
    const work = (whole - TILE_RULES.handlingSeconds) / (grid.columns * grid.rows);
    if (work <= TILE_RULES.overheadSeconds) break; // its samples take no longer than opening it
    const all = whole * (frames - late) + tile * grid.columns * grid.rows * late;
    const seconds = all / slots + tile * TILE_RULES.waitingTiles;
    if (seconds < best.seconds) best = { grid, seconds };
  }
  return best.grid && { ...best.grid, frames: late };
}

import { TILE_RULES, type TileGrid } from "./tiles.ts";

export interface AutoGridInput {
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  /** Render slots that will share the frames. */
  readonly slots: number;
  /** Frames that are rendered at the same time: they spread the work, too. */
  readonly frames: number;
  /** Pixels rendered around each tile and cropped again. */
  readonly overscanPx: number;
  readonly secondsPerSamplePixel?: number | undefined;
}

/** Chooses the grid of near-square tiles that is predicted to finish first; no tile is too small for its overhead. */
export function autoGrid(input: AutoGridInput): TileGrid {
  const worthwhile = Math.floor(frameSeconds(input) / (TILE_RULES.overheadSeconds * TILE_RULES.workPerOverhead));
  const perSlot = Math.max(1, input.slots) / Math.max(1, input.frames);
  let best: { readonly grid: TileGrid; readonly seconds: number } | undefined;
  for (let tiles = 1; tiles <= TILE_RULES.mostPerSlot; tiles++) {
    const grid = nearSquareGrid(input, Math.max(1, Math.min(worthwhile, Math.ceil(tiles * perSlot))));
    const seconds = secondsUntilDone(input, grid);
    if (best === undefined || seconds < best.seconds) best = { grid, seconds };
  }
  const { grid, seconds } = best ?? { grid: { columns: 1, rows: 1 }, seconds: Number.POSITIVE_INFINITY };
  const late = tailSubdivisions(input, grid, worthwhile);
  return late && secondsUntilDone(input, late) < seconds ? late : grid;
}

/** The same grid with the last tile of each slot cut in four, if those are large enough. Not for several frames, where the next one keeps slots busy. */
function tailSubdivisions({ width, height, slots, frames }: AutoGridInput, grid: TileGrid, worthwhile: number): TileGrid | undefined {
  const tailSubdivision = Math.max(1, Math.ceil(slots));
  const tiles = grid.columns * grid.rows;
  const isLarge = Math.floor(Math.min(width / grid.columns, height / grid.rows)) >= 2 * TILE_RULES.minSidePx;
  return frames === 1 && isLarge && tiles >= 2 * tailSubdivision && 4 * tiles <= worthwhile ? { ...grid, tailSubdivision } : undefined;
}

/** Few tiles leave slots waiting for the last one; many have more overhead and more overscan. */
function secondsUntilDone(input: AutoGridInput, grid: TileGrid): number {
  const slots = Math.max(1, input.slots);
  const { columns, rows, tailSubdivision = 0 } = grid;
  const tile = tileSeconds(input, grid);
  if (tailSubdivision === 0) return tile * ((columns * rows * Math.max(1, input.frames)) / slots + TILE_RULES.waitingTiles);
  const quarter = tileSeconds(input, { columns: 2 * columns, rows: 2 * rows });
  return (tile * (columns * rows - tailSubdivision) + 4 * quarter * tailSubdivision) / slots + quarter * TILE_RULES.waitingTiles;
}

/** Seconds of one slot for one tile of such a grid, with overscan and overhead. */
export function tileSeconds(input: AutoGridInput, { columns, rows }: TileGrid): number {
  const { width, height, overscanPx } = input;
  const overscans = (side: number, count: number) => (side + (2 * overscanPx * (count - 1)) / count) / side;
  const work = frameSeconds(input) * overscans(width / columns, columns) * overscans(height / rows, rows);
  return work / (columns * rows) + TILE_RULES.handlingSeconds;
}

/** Estimated seconds of one slot for the samples of a frame. */
function frameSeconds({ width, height, samples, secondsPerSamplePixel }: AutoGridInput): number {
  return width * height * Math.max(1, samples) * (secondsPerSamplePixel ?? TILE_RULES.secondsPerSamplePixel);
}

/** A grid of about so many tiles, nearly square, none too small. */
export function nearSquareGrid({ width, height }: { readonly width: number; readonly height: number }, wanted: number): TileGrid {
  const maxColumns = clamp(Math.floor(width / TILE_RULES.minSidePx), 1, Math.min(TILE_RULES.maxColumns, wanted));
  const maxRows = clamp(Math.floor(height / TILE_RULES.minSidePx), 1, TILE_RULES.maxRows);
  let best: { readonly grid: TileGrid; readonly misfit: number } | undefined;
  for (let columns = 1; columns <= maxColumns; columns++) {
    const rows = clamp(Math.floor(wanted / columns), 1, maxRows);
    const aspect = Math.abs(Math.log((width * rows) / (height * columns)));
    const misfit = aspect + 2 * Math.log(wanted / (columns * rows));
    if (best === undefined || misfit < best.misfit) best = { grid: { columns, rows }, misfit };
  }
  return best?.grid ?? { columns: 1, rows: 1 };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

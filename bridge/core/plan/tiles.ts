import { z } from "zod";
import { FarmError } from "../../kernel/errors.ts";
import { type Rect, SideLengthPx } from "../job/scene-facts.ts";

/** At most one per pixel. */
const Count = SideLengthPx;

export const TileGrid = z.strictObject({
  columns: Count,
  rows: Count,
  /** This many tiles, the last in order, are cut in four: small chunks keep every slot busy to the end. */
  tailSubdivision: z.exactOptional(Count),
});
export type TileGrid = Readonly<z.infer<typeof TileGrid>>;

/** A parsed `--tiles`. */
export const TilesOption = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("auto") }),
  z.strictObject({ kind: z.literal("off") }),
  z.strictObject({ kind: z.literal("grid"), ...TileGrid.shape }),
]);
export type TilesOption = Readonly<z.infer<typeof TilesOption>>;

/** Numbers behind the automatic tile size; the overhead was measured in warm sessions. */
export const TILE_RULES = {
  maxColumns: 256,
  maxRows: 256,
  minSidePx: 32,
  mostPerSlot: 32,
  /** Seconds of a session per tile beside its samples. */
  overheadSeconds: 0.01,
  /** Overhead per tile, in CPU seconds of a slow core: 0.08 in Blender, 0.03 at the donor, 0.05 at the requester. */
  handlingSeconds: 0.16,
  /** At its end a job waits for about the time of this many tiles: half a tile when all cost the same, more when a corner is complex. */
  waitingTiles: 1,
  /** A tile's work is at least this many times its overhead. */
  workPerOverhead: 20,
  /** A guess for one sample of one pixel on one slot, until something is measured. */
  secondsPerSamplePixel: 1e-6,
  /** Pixels rendered around a tile and cut off again when adaptive sampling looks at neighbours. */
  overscanPx: 16,
} as const;

/** Reads `auto`, `off` or `4x3` (columns by rows). Throws TILES_INVALID. */
export function parseTiles(text: string): TilesOption {
  if (text === "auto" || text === "off") return { kind: text };
  const [, columns, rows] = /^([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  if (columns === undefined || rows === undefined)
    throw new FarmError("TILES_INVALID", `"${text}" is no grid of tiles`, { facts: { text } });
  const grid = { kind: "grid", columns: Number(columns), rows: Number(rows) } as const;
  if (grid.columns > TILE_RULES.maxColumns || grid.rows > TILE_RULES.maxRows) {
    throw new FarmError("TILES_INVALID", `${text} tiles are too many: at most ${TILE_RULES.maxColumns}x${TILE_RULES.maxRows}`, {
      facts: { text },
    });
  }
  return grid;
}

/**
 * Cuts a region into a grid whose tiles differ by at most one pixel in width and in height, those nearest
 * to the centre first, where users look. Then the last ones are cut in four if the grid says so and
 * they are large enough. Throws TILES_INVALID when the grid does not fit.
 */
export function cutIntoTiles(region: Rect, grid: TileGrid): Rect[] {
  if (grid.columns > region.width || grid.rows > region.height) {
    throw new FarmError(
      "TILES_INVALID",
      `a grid of ${grid.columns}x${grid.rows} tiles does not fit a picture of ${region.width}x${region.height} pixels`,
      {
        facts: { columns: grid.columns, rows: grid.rows, width: region.width, height: region.height },
        advice: "Use fewer tiles, or --tiles auto.",
      },
    );
  }
  const tiles: Rect[] = [];
  for (let row = grid.rows - 1; row >= 0; row--) {
    for (let column = 0; column < grid.columns; column++) {
      const [left, right] = [column, column + 1].map((edge) => Math.floor((edge * region.width) / grid.columns)) as [number, number];
      const [bottom, top] = [row, row + 1].map((edge) => Math.floor((edge * region.height) / grid.rows)) as [number, number];
      tiles.push({ x: region.x + left, y: region.y + bottom, width: right - left, height: top - bottom });
    }
  }
  const far = new Map(tiles.map((tile) => [tile, distanceFromCentre(tile, region)]));
  tiles.sort((a, b) => (far.get(a) ?? 0) - (far.get(b) ?? 0));
  const whole = Math.max(0, tiles.length - (grid.tailSubdivision ?? 0));
  return [...tiles.slice(0, whole), ...tiles.slice(whole).flatMap(inFour)];
}

function inFour(tile: Rect): Rect[] {
  const { x, y, width, height } = tile;
  if (Math.min(width, height) < 2 * TILE_RULES.minSidePx) return [tile];
  const [left, bottom] = [Math.floor(width / 2), Math.floor(height / 2)];
  return [
    { x, y: y + bottom, width: left, height: height - bottom },
    { x: x + left, y: y + bottom, width: width - left, height: height - bottom },
    { x, y, width: left, height: bottom },
    { x: x + left, y, width: width - left, height: bottom },
  ];
}

/** Squared, in half pixels, so that it is a whole number. */
function distanceFromCentre(tile: Rect, region: Rect): number {
  const dx = 2 * tile.x + tile.width - (2 * region.x + region.width);
  const dy = 2 * tile.y + tile.height - (2 * region.y + region.height);
  return dx * dx + dy * dy;
}

/** The tile, grown by the overscan within the region. */
export function withOverscan(tile: Rect, region: Rect, overscanPx: number): Rect {
  const left = Math.max(region.x, tile.x - overscanPx);
  const bottom = Math.max(region.y, tile.y - overscanPx);
  const right = Math.min(region.x + region.width, tile.x + tile.width + overscanPx);
  const top = Math.min(region.y + region.height, tile.y + tile.height + overscanPx);
  return { x: left, y: bottom, width: right - left, height: top - bottom };
}

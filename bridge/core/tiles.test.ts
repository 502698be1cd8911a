import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { autoGrid, cutIntoTiles, parseTiles, TILE_RULES, withApron } from "./tiles.ts";

const side = fc.integer({ min: 1, max: 400 });
const region = fc.record({ x: fc.nat(100), y: fc.nat(100), width: side, height: side });

describe("parseTiles", () => {
  it("reads auto, off and a grid", () => {
    expect(parseTiles("auto")).toEqual({ kind: "auto" });
    expect(parseTiles("off")).toEqual({ kind: "off" });
    expect(parseTiles("4x3")).toEqual({ kind: "grid", columns: 4, rows: 3 });
  });

  it.each(["", "4", "x3", "0x3", "4x0", "-4x3", "4x3x2", "four", "AUTO", "1000x1", "4 x 3"])("refuses %j", (text) => {
    expect(() => parseTiles(text)).toThrow(expect.objectContaining({ code: "TILES_INVALID" }));
  });
});

function pixelsOf({ x, y, width, height }: { x: number; y: number; width: number; height: number }): string[] {
  return Array.from({ length: width * height }, (_, index) => `${x + (index % width)} ${y + Math.floor(index / width)}`);
}

describe("cutIntoTiles", () => {
  it("covers every pixel of the region once, with tiles that differ by at most a pixel", () => {
    fc.assert(
      fc.property(region, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), (whole, columns, rows) => {
        fc.pre(columns <= whole.width && rows <= whole.height);
        const tiles = cutIntoTiles(whole, { columns, rows });
        const covered = new Uint8Array(whole.width * whole.height);
        for (const tile of tiles) {
          for (let y = tile.y - whole.y; y < tile.y - whole.y + tile.height; y++) {
            for (let x = tile.x - whole.x; x < tile.x - whole.x + tile.width; x++)
              covered[y * whole.width + x] = (covered[y * whole.width + x] ?? 0) + 1;
          }
        }
        expect(covered.every((times) => times === 1)).toBe(true);
        for (const dimension of ["width", "height"] as const) {
          const sizes = tiles.map((tile) => tile[dimension]);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("covers every pixel once with the last tiles in quarters, which stay last", () => {
    fc.assert(
      fc.property(region, fc.integer({ min: 1, max: 6 }), fc.nat(40), (whole, side, quartered) => {
        fc.pre(side <= whole.width && side <= whole.height);
        const even = cutIntoTiles(whole, { columns: side, rows: side });
        const tiles = cutIntoTiles(whole, { columns: side, rows: side, quartered });
        expect(tiles.slice(0, Math.max(0, even.length - quartered))).toEqual(even.slice(0, Math.max(0, even.length - quartered)));
        expect(tiles.reduce((sum, { width, height }) => sum + width * height, 0)).toBe(whole.width * whole.height);
        const covered = new Set(tiles.flatMap(pixelsOf));
        expect(covered.size).toBe(whole.width * whole.height);
      }),
      { numRuns: 40 },
    );
  });

  it("begins in the centre", () => {
    expect(cutIntoTiles({ x: 10, y: 20, width: 30, height: 30 }, { columns: 3, rows: 3 })[0]).toEqual({
      x: 20,
      y: 30,
      width: 10,
      height: 10,
    });
  });

  it("refuses a grid that does not fit, naming both", () => {
    expect(() => cutIntoTiles({ x: 0, y: 0, width: 64, height: 48 }, { columns: 100, rows: 3 })).toThrow(/100x3.*64x48/);
  });
});

describe("withApron", () => {
  it("grows a tile on all sides, but not out of the region", () => {
    const whole = { x: 10, y: 10, width: 100, height: 100 };
    expect(withApron({ x: 40, y: 40, width: 20, height: 20 }, whole, 16)).toEqual({ x: 24, y: 24, width: 52, height: 52 });
    expect(withApron({ x: 10, y: 100, width: 20, height: 10 }, whole, 16)).toEqual({ x: 10, y: 84, width: 36, height: 26 });
  });
});

describe("autoGrid", () => {
  it("makes many near-square tiles for each slot of a heavy picture", () => {
    const { columns, rows } = autoGrid({ width: 1920, height: 1080, samples: 128, slots: 4, frames: 1, apronPx: 0 });
    expect(columns * rows).toBeGreaterThanOrEqual(16 * 4);
    expect(columns * rows).toBeLessThanOrEqual(TILE_RULES.mostPerSlot * 4);
    expect(1920 / columns / (1080 / rows)).toBeGreaterThan(0.5);
    expect(1920 / columns / (1080 / rows)).toBeLessThan(2);
  });

  it("makes larger tiles where each is rendered with an apron, and more of them the longer the work is", () => {
    const tilesOf = (samples: number, apronPx: number) => {
      const { columns, rows } = autoGrid({ width: 1920, height: 1080, samples, slots: 4, frames: 1, apronPx });
      return columns * rows;
    };
    expect(tilesOf(128, 16)).toBeLessThan(tilesOf(128, 0) / 2);
    expect(tilesOf(16, 0)).toBeLessThan(tilesOf(128, 0));
  });

  it("cuts the last tiles of a heavy still in four, one for each slot, and none of an animation", () => {
    const heavy = { width: 1920, height: 1080, samples: 512, slots: 3, apronPx: 0 };
    expect(autoGrid({ ...heavy, frames: 1 }).quartered).toBe(3);
    expect(autoGrid({ ...heavy, frames: 2 }).quartered).toBeUndefined();
  });

  it("leaves a light picture whole", () => {
    expect(autoGrid({ width: 64, height: 48, samples: 4, slots: 8, frames: 1, apronPx: 0 })).toEqual({ columns: 1, rows: 1 });
  });

  it("cuts less where frames already spread the work, and not at all where they suffice", () => {
    const heavy = { width: 1920, height: 1080, samples: 512, slots: 4, apronPx: 0 };
    const [few, one] = [4, 1].map((frames) => autoGrid({ ...heavy, frames }));
    expect((few?.columns ?? 0) * (few?.rows ?? 0)).toBeLessThan(((one?.columns ?? 0) * (one?.rows ?? 0)) / 2);
    expect(autoGrid({ ...heavy, frames: 250 })).toEqual({ columns: 1, rows: 1 });
  });

  it("goes by the measured speed when there is one", () => {
    const picture = { width: 320, height: 180, samples: 16, slots: 4, frames: 1, apronPx: 0 };
    const slow = autoGrid({ ...picture, secondsPerSamplePixel: 1e-4 });
    expect(slow.columns * slow.rows).toBeGreaterThan(8);
    expect(autoGrid({ ...picture, secondsPerSamplePixel: 1e-9 })).toEqual({ columns: 1, rows: 1 });
  });

  it("never makes tiles that are too small to be worth it, or more than it was asked for", () => {
    const input = fc.record({
      width: fc.integer({ min: 1, max: 8_000 }),
      height: fc.integer({ min: 1, max: 8_000 }),
      samples: fc.integer({ min: 1, max: 4_096 }),
      slots: fc.integer({ min: 1, max: 200 }),
      frames: fc.constant(1),
      apronPx: fc.constantFrom(0, 16),
    });
    fc.assert(
      fc.property(input, (picture) => {
        const { columns, rows } = autoGrid(picture);
        const tiles = columns * rows;
        const work = (picture.width * picture.height * picture.samples * TILE_RULES.secondsPerSamplePixel) / tiles;
        expect(tiles === 1 || work >= TILE_RULES.overheadSeconds * TILE_RULES.workPerOverhead).toBe(true);
        expect(columns === 1 || Math.floor(picture.width / columns) >= TILE_RULES.minSidePx).toBe(true);
        expect(rows === 1 || Math.floor(picture.height / rows) >= TILE_RULES.minSidePx).toBe(true);
        expect(tiles).toBeLessThanOrEqual(TILE_RULES.mostPerSlot * picture.slots);
        expect(() => cutIntoTiles({ x: 0, y: 0, width: picture.width, height: picture.height }, { columns, rows })).not.toThrow();
      }),
    );
  });
});

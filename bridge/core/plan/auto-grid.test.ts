import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { autoGrid } from "./auto-grid.ts";
import { cutIntoTiles, TILE_RULES } from "./tiles.ts";

describe("autoGrid", () => {
  it("makes many near-square tiles for each slot of a heavy picture", () => {
    const { columns, rows } = autoGrid({ width: 1920, height: 1080, samples: 128, slots: 4, frames: 1, overscanPx: 0 });
    expect(columns * rows).toBeGreaterThanOrEqual(16 * 4);
    expect(columns * rows).toBeLessThanOrEqual(TILE_RULES.mostPerSlot * 4);
    expect(1920 / columns / (1080 / rows)).toBeGreaterThan(0.5);
    expect(1920 / columns / (1080 / rows)).toBeLessThan(2);
  });

  it("makes larger tiles where each is rendered with an overscan, and more of them the longer the work is", () => {
    const tilesOf = (samples: number, overscanPx: number) => {
      const { columns, rows } = autoGrid({ width: 1920, height: 1080, samples, slots: 4, frames: 1, overscanPx });
      return columns * rows;
    };
    expect(tilesOf(128, 16)).toBeLessThan(tilesOf(128, 0) / 2);
    expect(tilesOf(16, 0)).toBeLessThan(tilesOf(128, 0));
  });

  it("cuts the last tiles of a heavy still in four, one for each slot, and none of an animation", () => {
    const heavy = { width: 1920, height: 1080, samples: 512, slots: 3, overscanPx: 0 };
    expect(autoGrid({ ...heavy, frames: 1 }).tailSubdivision).toBe(3);
    expect(autoGrid({ ...heavy, frames: 2 }).tailSubdivision).toBeUndefined();
  });

  it("leaves a light picture whole", () => {
    expect(autoGrid({ width: 64, height: 48, samples: 4, slots: 8, frames: 1, overscanPx: 0 })).toEqual({ columns: 1, rows: 1 });
  });

  it("cuts fewer tiles when frames already spread the work, and none when there are enough frames", () => {
    const heavy = { width: 1920, height: 1080, samples: 512, slots: 4, overscanPx: 0 };
    const [few, one] = [4, 1].map((frames) => autoGrid({ ...heavy, frames }));
    expect((few?.columns ?? 0) * (few?.rows ?? 0)).toBeLessThan(((one?.columns ?? 0) * (one?.rows ?? 0)) / 2);
    expect(autoGrid({ ...heavy, frames: 250 })).toEqual({ columns: 1, rows: 1 });
  });

  it("uses the measured speed when there is one", () => {
    const picture = { width: 320, height: 180, samples: 16, slots: 4, frames: 1, overscanPx: 0 };
    const slow = autoGrid({ ...picture, secondsPerSamplePixel: 1e-4 });
    expect(slow.columns * slow.rows).toBeGreaterThan(8);
    expect(autoGrid({ ...picture, secondsPerSamplePixel: 1e-9 })).toEqual({ columns: 1, rows: 1 });
  });

  it("never makes tiles below the smallest useful size, or more than the limit", () => {
    const input = fc.record({
      width: fc.integer({ min: 1, max: 8_000 }),
      height: fc.integer({ min: 1, max: 8_000 }),
      samples: fc.integer({ min: 1, max: 4_096 }),
      slots: fc.integer({ min: 1, max: 200 }),
      frames: fc.constant(1),
      overscanPx: fc.constantFrom(0, 16),
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

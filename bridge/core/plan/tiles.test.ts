import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutIntoTiles, parseTiles, withOverscan } from "./tiles.ts";

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

  it("covers every pixel once when the last tiles are cut in four, and keeps those last", () => {
    fc.assert(
      fc.property(region, fc.integer({ min: 1, max: 6 }), fc.nat(40), (whole, side, tailSubdivision) => {
        fc.pre(side <= whole.width && side <= whole.height);
        const even = cutIntoTiles(whole, { columns: side, rows: side });
        const tiles = cutIntoTiles(whole, { columns: side, rows: side, tailSubdivision });
        expect(tiles.slice(0, Math.max(0, even.length - tailSubdivision))).toEqual(
          even.slice(0, Math.max(0, even.length - tailSubdivision)),
        );
        expect(tiles.reduce((sum, { width, height }) => sum + width * height, 0)).toBe(whole.width * whole.height);
        const covered = new Set(tiles.flatMap(pixelsOf));
        expect(covered.size).toBe(whole.width * whole.height);
      }),
      { numRuns: 40 },
    );
  });

  it("orders tiles from the centre outwards", () => {
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

describe("withOverscan", () => {
  it("grows a tile on all sides, but not out of the region", () => {
    const whole = { x: 10, y: 10, width: 100, height: 100 };
    expect(withOverscan({ x: 40, y: 40, width: 20, height: 20 }, whole, 16)).toEqual({ x: 24, y: 24, width: 52, height: 52 });
    expect(withOverscan({ x: 10, y: 100, width: 20, height: 10 }, whole, 16)).toEqual({ x: 10, y: 84, width: 36, height: 26 });
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseCrops } from "./crops.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const side = fc.integer({ min: 1, max: 300 });
const choice = fc.record({
  rect: fc.record({ x: fc.nat(100), y: fc.nat(100), width: side, height: side }),
  count: fc.integer({ min: 1, max: 9 }),
  size: fc.constant(32),
  key,
});

describe("chooseCrops", () => {
  it("stays inside the result, never chooses the same place twice, and is deterministic", () => {
    fc.assert(
      fc.property(choice, (asked) => {
        const crops = chooseCrops(asked);
        expect(crops).toEqual(chooseCrops(asked));
        expect(new Set(crops.map(({ x, y }) => `${x},${y}`)).size).toBe(crops.length);
        const { rect } = asked;
        for (const crop of crops) {
          expect(crop.width).toBe(Math.min(32, rect.width));
          expect(crop.height).toBe(Math.min(32, rect.height));
          expect(crop.x >= rect.x && crop.y >= rect.y).toBe(true);
          expect(crop.x + crop.width <= rect.x + rect.width && crop.y + crop.height <= rect.y + rect.height).toBe(true);
        }
      }),
    );
  });

  it("shares no pixel between crops of a tile", () => {
    fc.assert(
      fc.property(key, (chosen) => {
        const [a, b] = chooseCrops({ rect: { x: 0, y: 0, width: 128, height: 96 }, count: 2, size: 32, key: chosen });
        if (!a || !b) throw new Error("two crops were asked for");
        expect(Math.abs(a.x - b.x) >= 32 || Math.abs(a.y - b.y) >= 32).toBe(true);
      }),
    );
  });

  it("takes a small result as one crop", () => {
    const rect = { x: 5, y: 6, width: 20, height: 32 };
    expect(chooseCrops({ rect, count: 4, size: 32, key: new Uint8Array(32) })).toEqual([rect]);
  });

  it("reaches every part of the result with equal probability", () => {
    const quarters = [0, 0, 0, 0];
    for (let index = 0; index < 2_000; index++) {
      const key = new Uint8Array(32);
      new DataView(key.buffer).setUint32(0, Math.imul(index + 1, 2_654_435_761) >>> 0);
      const [crop] = chooseCrops({ rect: { x: 0, y: 0, width: 231, height: 231 }, count: 1, size: 32, key });
      const quarter = (crop && (crop.x >= 100 ? 1 : 0) + (crop.y >= 100 ? 2 : 0)) ?? 0;
      quarters[quarter] = (quarters[quarter] ?? 0) + 1;
    }
    for (const hits of quarters) expect(hits).toBeGreaterThan(400);
  });

  it("refuses a key that is too short", () => {
    expect(() => chooseCrops({ rect: { x: 0, y: 0, width: 99, height: 99 }, count: 1, size: 32, key: new Uint8Array(4) })).toThrow(
      RangeError,
    );
  });
});

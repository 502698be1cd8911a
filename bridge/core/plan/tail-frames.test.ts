import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tailFrames } from "./tail-frames.ts";
import { TILE_RULES } from "./tiles.ts";

/** About 130 s a frame. */
const heavy = { width: 1920, height: 1080, samples: 64, overscanPx: 0 };

describe("tailFrames", () => {
  it("cuts the last incomplete round of frames, and at least a quarter of a round", () => {
    const cut = (frames: number, slots: number) => tailFrames({ ...heavy, frames, slots })?.frames;
    expect(cut(5, 2)).toBe(1);
    expect(cut(4, 2)).toBe(2);
    expect(cut(250, 100)).toBe(50);
    expect(cut(201, 100)).toBe(101);
  });

  it("cuts every frame where there are more slots than frames, finely enough for all", () => {
    const late = tailFrames({ ...heavy, frames: 2, slots: 20 });
    expect(late?.frames).toBe(2);
    expect((late?.columns ?? 0) * (late?.rows ?? 0)).toBeGreaterThan(20);
  });

  it("leaves frames whole for one slot, and when tiles would cost more than waiting", () => {
    expect(tailFrames({ ...heavy, frames: 3, slots: 1 })).toBeUndefined();
    expect(tailFrames({ ...heavy, width: 128, height: 96, frames: 3, slots: 2 })).toBeUndefined();
  });

  it("cuts no frames that take no time", () => {
    expect(tailFrames({ width: 102, height: 5, samples: 12, slots: 120, frames: 1, overscanPx: 0 })).toBeUndefined();
  });

  it("never cuts more frames than there are, nor into tiles below the useful size", () => {
    const input = fc.record({
      width: fc.integer({ min: 1, max: 8_000 }),
      height: fc.integer({ min: 1, max: 8_000 }),
      samples: fc.integer({ min: 1, max: 4_096 }),
      slots: fc.integer({ min: 1, max: 200 }),
      frames: fc.integer({ min: 1, max: 2_000 }),
      overscanPx: fc.constantFrom(0, 16),
    });
    fc.assert(
      fc.property(input, (job) => {
        const late = tailFrames(job);
        if (late === undefined) return;
        const { frames, columns, rows } = late;
        expect(frames).toBeGreaterThan(0);
        expect(frames).toBeLessThanOrEqual(Math.min(job.frames, Math.ceil(1.25 * job.slots)));
        const tileSeconds = (job.width * job.height * job.samples * TILE_RULES.secondsPerSamplePixel) / (columns * rows);
        expect(tileSeconds).toBeGreaterThan(0.01);
        expect(Math.floor(job.width / columns)).toBeGreaterThanOrEqual(Math.min(job.width, TILE_RULES.minSidePx));
      }),
    );
  });
});

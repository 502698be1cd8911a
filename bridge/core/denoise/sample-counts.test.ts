import { describe, expect, it } from "vitest";
import { absoluteCount, lastSamplesOf, leastLastSample, relativeCount } from "./sample-counts.ts";

const scene = { adaptive: true, viewLayers: ["near", "far"], views: ["left", "right"] };
const channel = (layer: string, view: string) => `${layer}.Debug Sample Count.${view}.X`;

describe("sample counts", () => {
  it("are the same after a way through relative ones, for every count and end up to 4096", () => {
    for (let last = 1; last <= 4096; last += 7)
      for (let count = 1; count <= last; count += 13) expect(absoluteCount(relativeCount(count, last), last)).toBe(count);
  });

  it("end where the renderer said, view layer by view layer", () => {
    const channels = [channel("near", "left"), channel("far", "left"), channel("far", "right"), "far.Combined.left.R"];
    expect(lastSamplesOf(scene, channels, [80, 96, 112, 128])).toEqual({
      [channel("near", "left")]: 80,
      [channel("far", "left")]: 112,
      [channel("far", "right")]: 128,
    });
  });

  it("end nobody knows where when the renderer said nothing, or something else than this scene has", () => {
    expect(lastSamplesOf(scene, [channel("far", "left")], undefined)).toEqual({ [channel("far", "left")]: null });
    expect(lastSamplesOf(scene, [channel("far", "left")], [80])).toEqual({ [channel("far", "left")]: null });
  });

  it("without adaptive sampling are the same everywhere", () => {
    expect(lastSamplesOf({ ...scene, adaptive: false }, [channel("far", "left")], [80, 80, 80, 80])).toEqual({});
  });

  it("that nobody spoke of end at the least number that fits all of them", () => {
    expect(leastLastSample(new Set([48, 64, 80].map((count) => relativeCount(count, 80))))).toBe(5);
    expect(leastLastSample(new Set([20, 96].map((count) => relativeCount(count, 100))))).toBe(25);
    expect(leastLastSample(new Set([Number.NaN]))).toBe(65_536);
  });
});

import { describe, expect, it } from "vitest";
import { type Luminance, noiseTest } from "./noise.ts";

const SIDE = 32;
const PIXELS = SIDE * SIDE;

/** Numbers of a normal distribution, seeded. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The mean of the samples `from` to `to` of each pixel: a render of so many samples. */
function render(seed: number, from: number, to: number, samples = 32): Luminance {
  const next = normals(seed);
  return Float64Array.from({ length: PIXELS }, (_, pixel) => {
    const drawn = Array.from({ length: samples }, () => 0.5 + (pixel % SIDE) / SIDE + 0.4 * next());
    return drawn.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from);
  });
}

const reference = { reference: render(1, 0, 32), halves: [render(1, 0, 16), render(1, 16, 32)] as const };
const test = (result: Luminance) => noiseTest({ width: SIDE, height: SIDE, ...reference, result });

describe("the R statistic", () => {
  it("is 0 for the same samples", () => expect(test(render(1, 0, 32)).r).toBe(0));

  it.each([
    [28, 1 / 14],
    [24, 1 / 6],
    [16, 1 / 2],
    [8, 3 / 2],
  ])("is (1/f-1)/2 for %i of 32 samples", (samples, expected) => {
    const { r } = test(render(1, 0, samples));
    expect(r / expected).toBeGreaterThan(0.85);
    expect(r / expected).toBeLessThan(1.15);
  });

  it("is about 1 for an independent render", () => expect(Math.abs(test(render(7, 0, 32)).r - 1)).toBeLessThan(0.15));

  it("is small for rounding differences, and when one pixel in a hundred differs", () => {
    const rounded = reference.reference.map((value) => value * (1 + 1e-5));
    const bounced = reference.reference.map((value, pixel) => (pixel % 100 === 0 ? value + 0.2 : value));
    expect(test(rounded).r).toBeLessThan(1e-4);
    expect(test(bounced).r).toBeLessThan(0.1);
  });

  it("counts 9 at most for a pixel, also for NaN", () => {
    const broken = reference.reference.map((value, pixel) => (pixel < PIXELS / 2 ? Number.NaN : value));
    expect(test(broken).r).toBe(4.5);
  });

  it("detects a difference where there is no noise at all", () => {
    const flat = new Float64Array(PIXELS).fill(0.5);
    const painted = flat.map((value, pixel) => (pixel < 40 ? value + 0.01 : value));
    const quiet = { width: SIDE, height: SIDE, reference: flat, halves: [flat, flat] as const };
    expect(noiseTest({ ...quiet, result: painted })).toMatchObject({ outliers: 40, quietPixels: PIXELS });
    expect(noiseTest({ ...quiet, result: flat.map((value) => value + 1e-4) }).outliers).toBe(0);
  });
});

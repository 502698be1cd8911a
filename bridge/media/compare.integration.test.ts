import { describe, expect, test } from "vitest";
import { compareFloats, type CompareRequest } from "./compare.ts";
import { distinctBits, float, makeExr, type MadeExr } from "./fixtures/make-exr.ts";
import { scratchFolder } from "./fixtures/scratch.ts";

const scratch = scratchFolder();
const channels = ["A", "B", "G", "R"].map((name) => ({ name: `L.Combined.${name}` }));
const rect = { x: 10, y: 20, width: 8, height: 6 };

function put(name: string, change: Partial<MadeExr> = {}): { path: string; rect: typeof rect } {
  const made = { width: 8, height: 6, parts: [{ channels }], ...change };
  return { path: scratch.put(name, makeExr(made)), rect: { ...rect, width: made.width, height: made.height } };
}

/** Converts two uniform numbers to one of a normal distribution; seeded. */
function noiseSource(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

describe("two float pictures", () => {
  const reference = put("reference.exr");

  test("are equal when every bit is equal, however they are stored", () => {
    const result = put("same.exr", { compression: "zip" });
    expect(compareFloats({ result, reference, rect })).toEqual({ differingPixels: 0, pixels: 48, maxDifference: 0, r: undefined });
  });

  test("differ in each pixel in which a channel differs", () => {
    const bits = (at: Parameters<typeof distinctBits>[0]) =>
      at.row === 1 && at.column === 2 && at.channel > 1 ? float(1e6) : distinctBits(at);
    const { differingPixels, maxDifference } = compareFloats({ result: put("one.exr", { bits }), reference, rect });
    expect(differingPixels).toBe(1);
    expect(maxDifference).toBeCloseTo(1e6 - 201, 0);
  });

  test("differ by the sign of zero, and infinitely by NaN", () => {
    const zero = put("zero.exr", { bits: () => 0 });
    expect(compareFloats({ result: put("minus.exr", { bits: () => 0x80000000 }), reference: zero, rect })).toMatchObject({
      differingPixels: 48,
      maxDifference: 0,
    });
    expect(compareFloats({ result: put("nan.exr", { bits: () => 0x7fc00000 }), reference: zero, rect }).maxDifference).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  test("are compared inside a rectangle, each in its own frame, y up", () => {
    const crop = { x: 12, y: 21, width: 3, height: 2 }; // rows 3 and 4 from the top, columns 2 to 4
    const bits = (at: Parameters<typeof distinctBits>[0]) => distinctBits({ ...at, row: at.row + 3, column: at.column + 2 });
    const cropped = { ...put("crop.exr", { width: 3, height: 2, bits }), rect: crop };
    expect(compareFloats({ result: reference, reference: cropped, rect: crop }).differingPixels).toBe(0);
    const shifted = { ...reference, rect: { ...rect, y: 21 } };
    expect(compareFloats({ result: shifted, reference: cropped, rect: crop }).differingPixels).toBe(6);
    expect(() => compareFloats({ result: reference, reference: cropped, rect })).toThrow(RangeError);
  });

  test.each([
    ["one less", channels.slice(1)],
    ["one more", [...channels, { name: "L.Depth.Z" }]],
  ])("differ everywhere when one has %s channel", (_claim, other) => {
    expect(compareFloats({ result: put("channels.exr", { parts: [{ channels: other }] }), reference, rect })).toMatchObject({
      differingPixels: 48,
      maxDifference: Number.POSITIVE_INFINITY,
    });
  });

  test("may differ in the render times stored in pixels", () => {
    const timed = [...channels, { name: "L.Render Time.X" }];
    const slow = put("slow.exr", { parts: [{ channels: timed }], bits: (at) => (at.channel === 4 ? float(9) : distinctBits(at)) });
    const fast = put("fast.exr", { parts: [{ channels: timed }] });
    expect(compareFloats({ result: slow, reference: fast, rect }).differingPixels).toBe(0);
  });

  test("may have sample counts of another end, in one ratio", () => {
    const counted = [...channels, { name: "L.Debug Sample Count.X" }];
    const made = (name: string, last: number, wrong = -1) =>
      put(name, {
        parts: [{ channels: counted }],
        bits: (at) => (at.channel === 4 ? float(Math.fround((at.column === wrong ? 3 : 16 * (1 + at.row)) / last)) : distinctBits(at)),
      });
    const counts = made("counts.exr", 96);
    expect(compareFloats({ result: made("other-end.exr", 112), reference: counts, rect }).differingPixels).toBe(0);
    expect(compareFloats({ result: made("wrong-counts.exr", 112, 2), reference: counts, rect }).differingPixels).toBe(6);
  });

  test("of any size are compared in bands of rows", () => {
    const many = Array.from({ length: 40 }, (_, at) => ({ name: `L.P${at + 10}.X` }));
    const size = { x: 0, y: 0, width: 400, height: 300 }; // 19 MB of floats: more than one band
    const big = { ...put("big.exr", { width: 400, height: 300, parts: [{ channels: many }], bits: () => 5 }), rect: size };
    const other = {
      ...put("big2.exr", {
        width: 400,
        height: 300,
        parts: [{ channels: many }],
        bits: (at) => (at.row % 299 === 0 && at.column === 0 && at.channel === 3 ? 6 : 5),
      }),
      rect: size,
    };
    expect(compareFloats({ result: other, reference: big, rect: size }).differingPixels).toBe(2);
  });
});

describe("the R statistic", () => {
  const side = 32;
  const frame = { x: 0, y: 0, width: side, height: side };
  const sigma = 0.1; // of one half of the samples

  function picture(name: string, values: ArrayLike<number>): CompareRequest["result"] {
    const bits = ({ row, column }: { row: number; column: number }) => float(values[row * side + column] ?? 0);
    return { ...put(name, { width: side, height: side, bits }), rect: frame };
  }

  const draw = (seed: number, scale = sigma, quietRows = 0) => {
    const next = noiseSource(seed);
    return Array.from({ length: side * side }, (_, at) => 0.5 + (at < quietRows * side ? Math.min(0, Math.abs(next())) : scale * next()));
  };
  const mean = (...sets: number[][]) => sets[0]!.map((_, at) => sets.reduce((sum, set) => sum + set[at]!, 0) / sets.length);

  function test4(result: number[], quietRows = 0) {
    const [a, b] = [draw(1, sigma, quietRows), draw(2, sigma, quietRows)];
    const halves = [picture("a.exr", a), picture("b.exr", b)] as const;
    return compareFloats({ result: picture("result.exr", result), reference: picture("r.exr", mean(a, b)), rect: frame, halves });
  }

  test("is 0 for the same picture", () => {
    expect(test4(mean(draw(1), draw(2))).r).toBe(0);
  });

  test("is about 1 for an independent render", () => {
    expect(test4(mean(draw(3), draw(4))).r).toBeGreaterThan(0.8);
    expect(test4(mean(draw(3), draw(4))).r).toBeLessThan(1.2);
  });

  test("is about (1/f-1)/2 for the fraction f of the same samples", () => {
    expect(test4(draw(1)).r).toBeGreaterThan(0.4); // f = 1/2
    expect(test4(draw(1)).r).toBeLessThan(0.6);
  });

  test("counts differences where there is no noise", () => {
    const honest = mean(draw(1, sigma, 16), draw(2, sigma, 16));
    expect(test4(honest, 16)).toMatchObject({ r: 0, outliers: 0 });
    const patched = honest.map((value, at) => (at < 5 ? value + 0.05 : value));
    const found = test4(patched, 16);
    expect(found.outliers).toBe(5);
    expect(found.quietPixels).toBe(14 * side); // 5x5 pooling carries noise two rows up
  });

  test("is bounded when the result contains NaN", () => {
    const result = mean(draw(1), draw(2)).map((value, at) => (at < side * 16 ? Number.NaN : value));
    expect(test4(result).r).toBe(4.5);
  });
});

import { describe, expect, it } from "vitest";
import { type CropDifference, crossClassVerdict, sameClassVerdict } from "./verdict.ts";

describe("inside a device class", () => {
  it.each([
    [{ differingPixels: 0, maxDifference: 0, r: undefined }, "equal"],
    [{ differingPixels: 1, maxDifference: 0.001, r: 0.0001 }, "different"],
    [{ differingPixels: 192, maxDifference: 3.4e-6, r: undefined }, "warned"],
    [{ differingPixels: 1, maxDifference: Number.NaN, r: undefined }, "different"],
  ] as const)("%j is %s", (difference, verdict) => expect(sameClassVerdict(difference)).toBe(verdict));
});

describe("across device classes", () => {
  const rect = (x: number) => ({ x, y: 0, width: 32, height: 32 });
  const off = (r: number | undefined, outliers = 0): CropDifference => ({
    differingPixels: 900,
    maxDifference: 1,
    r,
    quietPixels: 100,
    outliers,
  });
  const equal: CropDifference = { differingPixels: 0, maxDifference: 0, r: undefined };
  const judged = (...crops: readonly (readonly [number, CropDifference])[]) =>
    crossClassVerdict(crops.map(([x, difference]) => ({ rect: rect(x), difference })));

  it("equal bits and little noise are equal", () => {
    expect(judged([0, equal], [64, off(0.1)])).toBe("equal");
    expect(judged([0, off(0.06)], [64, off(0.02, 1)])).toBe("equal");
  });
  it("one doubtful crop, or one that cannot be judged, is reported", () => {
    expect(judged([0, off(0.11)], [64, equal])).toBe("warned");
    expect(judged([0, off(undefined)], [64, off(undefined)])).toBe("warned");
    expect(judged([0, off(0.2)], [64, off(0.2)])).toBe("warned");
  });
  it("one clear failure is reported, two on crops that share no pixel are a mismatch", () => {
    expect(judged([0, off(0.9)], [64, equal])).toBe("warned");
    expect(judged([0, off(0.9)], [64, off(0.4)])).toBe("different");
    expect(judged([0, off(Number.NaN)], [64, off(0.4)])).toBe("different");
    expect(judged([0, off(0.9)], [31, off(0.9)])).toBe("warned");
    expect(judged([0, off(0.9)])).toBe("warned");
  });
  it("pixels without noise must be equal, whatever R is", () => {
    expect(judged([0, off(0, 2)], [64, off(0, 2)])).toBe("equal");
    expect(judged([0, off(0, 3)], [64, off(0)])).toBe("warned");
    expect(judged([0, off(0, 3)], [64, off(0, 9)])).toBe("different");
  });
});

import { describe, expect, it } from "vitest";
import { verdictOf } from "./verdict.ts";

describe("verdictOf", () => {
  it.each([
    [{ differingPixels: 0, maxDifference: 0, r: undefined }, true, "equal"],
    [{ differingPixels: 1, maxDifference: 0.001, r: 0.0001 }, true, "different"],
    [{ differingPixels: 192, maxDifference: 3.4e-6, r: undefined }, true, "warned"],
    [{ differingPixels: 1, maxDifference: Number.NaN, r: undefined }, true, "different"],
    [{ differingPixels: 0, maxDifference: 0, r: undefined }, false, "equal"],
    [{ differingPixels: 900, maxDifference: 1, r: 0.1 }, false, "equal"],
    [{ differingPixels: 900, maxDifference: 1, r: 0.11 }, false, "warned"],
    [{ differingPixels: 1, maxDifference: 1, r: undefined }, false, "warned"],
    [{ differingPixels: 1, maxDifference: 1, r: Number.NaN }, false, "warned"],
  ] as const)("judges %j of the same class %s as %s", (difference, sameClass, verdict) => {
    expect(verdictOf(difference, { sameClass })).toBe(verdict);
  });
});

import { describe, expect, it } from "vitest";
import type { CropDifference } from "./verdict.ts";
import { verdictAgainstTwoReferences, worstVerdict } from "./two-references.ts";

const off = (differingPixels: number, maxDifference: number): CropDifference => ({ differingPixels, maxDifference, r: undefined });
const equal = off(0, 0);

describe("a result against two renders of our own", () => {
  it.each([
    ["is right when it equals one of them", [off(900, 0.5), equal], off(900, 0.5), "equal"],
    ["is told when it equals one but for roundings", [off(900, 0.5), off(3, 1e-6)], off(900, 0.5), "warned"],
    ["is told when it is as far off as they are from each other", [off(30, 0.4), off(28, 0.5)], off(25, 0.3), "warned"],
    ["is told when it is near enough to one of them", [off(300, 4), off(90, 1)], off(25, 0.3), "warned"],
    ["is told when they hold garbage as it does", [off(30, 2e26), off(30, 3e26)], off(25, 1e24), "warned"],
    [
      "is told when they hold infinities as it does",
      [off(30, Number.POSITIVE_INFINITY), off(30, Number.POSITIVE_INFINITY)],
      off(25, 1e7),
      "warned",
    ],
    ["is a lie when it alone holds garbage", [off(5, 1e9), off(5, Number.POSITIVE_INFINITY)], off(5, 1), "different"],
    ["is a lie when they are equal", [off(1, 0.01), off(1, 0.01)], equal, "different"],
    ["is a lie when it is off in many more pixels", [off(200, 0.3), off(210, 0.3)], off(25, 0.3), "different"],
    ["is a lie when it is off by much more", [off(25, 2), off(25, 2)], off(25, 0.3), "different"],
    ["is a lie when it holds what is no number", [off(5, Number.NaN), off(5, Number.POSITIVE_INFINITY)], off(5, 1), "different"],
  ] as const)("%s", (_claim, theirs, ours, verdict) => expect(verdictAgainstTwoReferences({ theirs, ours })).toBe(verdict));
});

it("the verdict on several crops is the verdict on the worst of them", () => {
  expect(worstVerdict([])).toBe("equal");
  expect(worstVerdict(["equal", "warned", "equal"])).toBe("warned");
  expect(worstVerdict(["warned", "different", "equal"])).toBe("different");
});

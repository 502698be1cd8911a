import { describe, expect, it } from "vitest";
import { powerOf } from "./swarm-capacity.ts";

describe("powerOf", () => {
  it("adds up slots, and takes the middle of the speeds that are known", () => {
    const donors = [{ slots: 1, speed: 4e5 }, { slots: 2 }, { slots: 1, speed: 5e5 }, { slots: 4, speed: 1e15 }];
    expect(powerOf(donors)).toEqual({ slots: 8, secondsPerSamplePixel: 1 / 5e5 });
    expect(
      powerOf([
        { slots: 1, speed: 4e5 },
        { slots: 1, speed: 1e-300 },
      ]),
    ).toEqual({ slots: 2, secondsPerSamplePixel: 1 / 4e5 });
  });

  it("knows no speed where nobody tells one", () => {
    expect(powerOf([])).toEqual({ slots: 0 });
    expect(powerOf([{ slots: 3 }, { slots: 1, speed: 0 }])).toEqual({ slots: 4 });
  });
});

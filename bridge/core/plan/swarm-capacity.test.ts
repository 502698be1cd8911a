import { describe, expect, it } from "vitest";
import { swarmCapacityOf } from "./swarm-capacity.ts";

describe("capacityOf", () => {
  it("adds up slots, and takes the median of the known speeds", () => {
    const donors = [{ slots: 1, speed: 4e5 }, { slots: 2 }, { slots: 1, speed: 5e5 }, { slots: 4, speed: 1e15 }];
    expect(swarmCapacityOf(donors)).toEqual({ slots: 8, secondsPerSamplePixel: 1 / 5e5 });
    expect(
      swarmCapacityOf([
        { slots: 1, speed: 4e5 },
        { slots: 1, speed: 1e-300 },
      ]),
    ).toEqual({ slots: 2, secondsPerSamplePixel: 1 / 4e5 });
  });

  it("has no speed when no donor reports one", () => {
    expect(swarmCapacityOf([])).toEqual({ slots: 0 });
    expect(swarmCapacityOf([{ slots: 3 }, { slots: 1, speed: 0 }])).toEqual({ slots: 4 });
  });
});

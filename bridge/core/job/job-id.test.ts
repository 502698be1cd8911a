import { describe, expect, it } from "vitest";
import { newJobId } from "./job-id.ts";

describe("newJobId", () => {
  it("names the time and four random digits", () => {
    const id = newJobId(Date.UTC(2026, 10, 22, 21, 46, 54), Uint8Array.of(0, 31, 32, 255));
    expect(id).toBe("261122-214654-0z0z");
  });

  it("sorts by time", () => {
    const ids = [0, 1_000, 86_400_000].map((later) => newJobId(Date.UTC(2026, 0, 1) + later, Uint8Array.of(9, 9, 9, 9)));
    expect(ids.toSorted()).toEqual(ids);
  });
});

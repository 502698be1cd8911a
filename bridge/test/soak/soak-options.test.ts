import { describe, expect, it } from "vitest";
import { soakOptions } from "./soak-options.ts";

describe("the soak's command line", () => {
  it("defaults to 300 jobs within an hour, one for a given seed, and five minutes for CI", () => {
    expect(soakOptions([])).toMatchObject({ jobs: 300, minutes: 60, seed: undefined, ci: false });
    expect(soakOptions(["--seed", "17"])).toMatchObject({ jobs: 1, seed: 17 });
    expect(soakOptions(["--seed", "17", "--jobs", "4", "--minutes", "0.5"])).toMatchObject({ jobs: 4, minutes: 0.5 });
    expect(soakOptions(["--seed", "999999999"])).toMatchObject({ seed: 999_999_999 });
    expect(soakOptions(["--ci"])).toMatchObject({ jobs: 300, minutes: 5 });
  });

  it("refuses unknown options", () => {
    expect(() => soakOptions(["--jobs", "many"])).toThrow("expected number");
    expect(() => soakOptions(["--minutes", "0"])).toThrow("Too small");
    expect(() => soakOptions(["--fast"])).toThrow("--fast");
    expect(() => soakOptions(["story.json"])).toThrow("story.json");
  });
});

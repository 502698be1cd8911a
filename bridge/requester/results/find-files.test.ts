import { expect, it, vi } from "vitest";
import { OUTPUT_WAITS } from "../../kernel/files/output-failure.ts";
import { systemWorld } from "../../kernel/world.ts";
import { findFiles } from "./find-files.ts";

it("distinguishes files that exist, are missing, are empty, or differ from what was written", async () => {
  const sizes = new Map([
    ["/a", 5],
    ["/b", 4],
    ["/c", 0],
    ["/e", 9],
  ]);
  const files = [{ path: "/a", bytes: 5 }, { path: "/b", bytes: 5 }, { path: "/c", bytes: 0 }, { path: "/d", bytes: 1 }, { path: "/e" }];
  const found = await findFiles(systemWorld, files, async (path) => sizes.get(path));
  expect([...found.values()]).toEqual(["there", "other-size", "empty", "gone", "there"]);
});

it("gives up a mount that does not answer, once for all its files", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const files = Array.from({ length: 1_000 }, (_, index) => ({ path: `/dead/${index}`, bytes: 1 }));
    let asked = 0;
    const finding = findFiles(systemWorld, files, () => {
      asked++;
      return new Promise<never>(() => {});
    });
    await vi.advanceTimersByTimeAsync(2 * OUTPUT_WAITS.answerMs);
    expect(new Set((await finding).values())).toEqual(new Set(["gone"]));
    expect(asked).toBeLessThan(20);
  } finally {
    vi.useRealTimers();
  }
});

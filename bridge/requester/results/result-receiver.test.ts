import { expect, it } from "vitest";
import type { ResultFile } from "../../core/plan/chunk.ts";
import { MemoryFiles } from "../../test/simulation/memory-files.ts";
import { Steps } from "../../test/simulation/steps.ts";
import { ResultReceiver } from "./result-receiver.ts";

const { signal } = new AbortController();
const file = (sha256: string): ResultFile => ({ role: "raw", name: "f", sha256, bytes: 1 });

function receiver(): { results: ResultReceiver; files: MemoryFiles } {
  const files = new MemoryFiles(new Steps());
  const summary = { channels: [], attributes: {}, nonFinite: 0 };
  return {
    files,
    results: new ResultReceiver({ files, media: { check: async () => summary }, trustedSummary: async () => summary }, { verifies: true }),
  };
}

it("the first files that a donor commits to stand: what is checked is what is used", () => {
  const { results } = receiver();
  results.expect("c", "a");
  expect(results.commit("c", "a", [file("true")])).toBe(true);
  expect(results.commit("c", "a", [file("other")])).toBe(false);
  expect(results.files("c", "a")).toEqual([file("true")]);
});

it("a donor commits to nothing that it was not asked for", () => {
  const { results } = receiver();
  expect(results.commit("c", "a", [file("x")])).toBe(false);
  expect(results.files("c", "a")).toEqual([]);
});

it("a result that is dropped stays while somebody reads it, and then goes", async () => {
  const { results, files } = receiver();
  results.restore("c", "a", [file("x")]);
  const path = files.resultPath("c", "a", "x");
  files.write(path, "pixels");
  const reading = Promise.withResolvers<void>();
  const used = results.use("c", "a", async () => (await reading.promise, files.read(path)), signal);
  const dropped = results.drop("c", "a");
  await Promise.resolve();
  expect(files.below("results")).toEqual([path]);
  reading.resolve();
  expect(await used).toBeUndefined(); // nobody counts on it
  await dropped;
  expect(files.below("results")).toEqual([]);
});

it("a new lease of the same chunk to the same donor begins without what came of the last", async () => {
  const { results } = receiver();
  results.expect("c", "a");
  results.commit("c", "a", [file("old")]);
  results.expect("c", "a");
  expect(results.files("c", "a")).toEqual([]);
  expect(results.commit("c", "a", [file("new")])).toBe(true);
});

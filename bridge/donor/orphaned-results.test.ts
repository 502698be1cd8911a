import { expect, it } from "vitest";
import { spec } from "./fixtures/served.ts";
import { type ChunkResult, ORPHAN_RETENTION, OrphanedResults } from "./orphaned-results.ts";

const sleep = (_ms: number, end?: AbortSignal) =>
  new Promise<never>((_, reject) => end?.addEventListener("abort", () => reject(end.reason as Error), { once: true }));
const clock = { now: () => 0, monotonicMs: () => 0, sleep };

it("the number of kept results is limited: the oldest is dropped for the newest", async () => {
  const dropped: string[] = [];
  const store = { dropResult: async (sha256: string) => void dropped.push(sha256) };
  await using kept = new OrphanedResults({ store, clock, isSlotWanted: () => false });
  const chunk = (frame: number) => ({ peer: "anna", job: "j1", spec: { ...spec, frame } });
  for (let frame = 0; frame <= ORPHAN_RETENTION.maxKept; frame++) {
    const file = { role: "raw", name: "f.exr", sha256: `result ${frame}`, bytes: 5 } as const;
    const result: ChunkResult = { files: [file], seconds: 1, peakMemoryBytes: 1 };
    kept.keep(chunk(frame), { result: Promise.resolve(result), cancel: () => {} });
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(kept.size).toBe(ORPHAN_RETENTION.maxKept);
  expect(dropped).toEqual(["result 0"]);
  expect(kept.take(chunk(0))).toBeUndefined();
  expect(kept.take(chunk(ORPHAN_RETENTION.maxKept))).toBeDefined();
});

import { describe, expect, it } from "vitest";
import type { JobPlan } from "../plan/plan.ts";
import { planOf } from "./fixtures/plan-of.ts";
import { startSchedule } from "./schedule.ts";
import type { ChunkState } from "./types.ts";
import { WaitingChunks } from "./waiting-chunks.ts";

/** Chunks "c0", "c1", …, each with the given frame and cost. */
function chunksOf(wanted: readonly (readonly [frame: number, cost: number])[]): ChunkState[] {
  const plan: JobPlan = planOf({ costs: wanted.map(([, cost]) => cost) });
  const chunks = plan.chunks.map((chunk, index) => ({ ...chunk, spec: { ...chunk.spec, frame: wanted[index]?.[0] ?? 0 } }));
  return [...startSchedule({ ...plan, chunks }).chunks.values()];
}

function waitingOf(chunks: readonly ChunkState[]): (sceneFrame?: string, end?: "dear" | "cheap") => string | undefined {
  const waiting = new WaitingChunks();
  for (const chunk of chunks) waiting.add(chunk);
  return (sceneFrame, end = "dear") => waiting.take({ mayTake: () => true, end, sceneFrame, mostCost: Number.POSITIVE_INFINITY })?.chunk.id;
}

const [FIRST, SECOND] = ["1:Scene", "2:Scene"];

describe("waiting chunks", () => {
  it("keep a donor on the scene frame it has open, and start in the order of the plan", () => {
    const take = waitingOf(chunksOf([1, 1, 1, 2, 2, 2, 3].map((frame) => [frame, 4])));
    expect([take(), take(), take(FIRST), take(SECOND), take(SECOND)]).toEqual(["c0", "c3", "c1", "c4", "c5"]);
    expect(take(SECOND)).toBe("c6");
    expect([take("3:Scene"), take("3:Scene")]).toEqual(["c2", undefined]);
  });

  it("send another donor to the scene frame with most chunks left", () => {
    const take = waitingOf(chunksOf([1, 1, 2, 2, 2, 2].map((frame) => [frame, 4])));
    expect([take(), take(), take("9:Scene")]).toEqual(["c0", "c2", "c3"]);
    expect([take(), take()]).toEqual(["c4", "c1"]);
  });

  it("are given as whole frames before tiles, but as tiles to slow donors", () => {
    const chunks = chunksOf([
      [1, 100],
      [2, 100],
      [3, 10],
      [3, 10],
    ]);
    expect(waitingOf(chunks)()).toBe("c0");
    expect(waitingOf(chunks)(undefined, "cheap")).toBe("c2");
  });

  it("are started in plan order again when they are returned", () => {
    const chunks = chunksOf([1, 1, 2, 2, 3].map((frame) => [frame, 4]));
    const waiting = new WaitingChunks();
    for (const chunk of chunks) waiting.add(chunk);
    const take = () => waiting.take({ mayTake: () => true, end: "dear", sceneFrame: undefined, mostCost: Number.POSITIVE_INFINITY });
    const given = [take(), take()];
    expect(given.map((chunk) => chunk?.chunk.id)).toEqual(["c0", "c2"]);
    for (const chunk of given) if (chunk) waiting.add(Object.assign(chunk, { attempts: 1 }));
    expect(waiting.first()?.chunk.id).toBe("c0");
    expect([take(), take(), take(), take(), take(), take()].map((chunk) => chunk?.chunk.id)).toEqual([
      "c0",
      "c2",
      "c4",
      "c1",
      "c3",
      undefined,
    ]);
    expect(waiting.size).toBe(0);
  });
});

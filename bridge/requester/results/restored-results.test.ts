import { beforeEach, describe, expect, it } from "vitest";
import { foldJournal } from "../../core/journal/fold.ts";
import type { JobRecord } from "../../core/journal/records.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { MemoryFiles } from "../../test/simulation/memory-files.ts";
import { SteppedClock, Steps } from "../../test/simulation/steps.ts";
import { deliveredChunks, dropMissingFiles } from "./restored-results.ts";

/** Frame 0 is made of u0 and the backdrop u2, frame 1 of u1 and the same backdrop. */
const plan = {
  ...planOf({ costs: [1, 1, 1] }),
  outputs: [
    { frame: 0, sceneFrames: ["u0", "u2"] },
    { frame: 1, sceneFrames: ["u1", "u2"] },
  ],
};
const finished = (...frames: readonly number[]) => foldJournal(frames.map((frame) => ({ type: "frame-finished", frame, files: [] })));

it("a scene frame that frames share is kept until the last of them is finished", () => {
  expect([...deliveredChunks({ plan, journalState: finished() })]).toEqual([]);
  expect([...deliveredChunks({ plan, journalState: finished(0) })]).toEqual(["c0"]);
  expect([...deliveredChunks({ plan, journalState: finished(0, 1) })].toSorted()).toEqual(["c0", "c1", "c2"]);
});

describe("after a restart", () => {
  const here = planOf({ costs: [1, 1] });
  const time = { clock: new SteppedClock(), timers: new SteppedClock() };
  const file = { role: "raw", name: "f", sha256: "aa", bytes: 4 } as const;
  const preview = { role: "preview", name: "p", sha256: "bb", bytes: 9 } as const;
  const accepted = (chunk: string): JobRecord => ({
    type: "chunk-accepted",
    chunk,
    donor: "a",
    files: [file, preview],
    sha256: "",
    checked: false,
  });
  const written = (frame: number): JobRecord => ({ type: "frame-finished", frame, files: [{ path: `out/${frame}`, bytes: 4 }] });
  let files: MemoryFiles;
  beforeEach(() => {
    files = new MemoryFiles(new Steps());
  });

  const stateOf = async (records: readonly JobRecord[], isMovie = false) =>
    await dropMissingFiles(time, { plan: here, journalState: foldJournal(records) }, files, isMovie);

  it("a result counts if its files exist with their sizes; its preview may be missing", async () => {
    files.write(files.resultPath("c0", "a", "aa"), "data");
    files.write(files.resultPath("c1", "a", "aa"), "cut");
    expect([...(await stateOf([accepted("c0"), accepted("c1")])).accepted.keys()]).toEqual(["c0"]);
  });

  it("a finished frame counts if its files exist; its results may be missing", async () => {
    files.write("out/0", "data");
    const state = await stateOf([accepted("c0"), written(0), accepted("c1"), written(1)]);
    expect([...state.finishedFrames.keys()]).toEqual([0]);
    expect([...state.accepted.keys()]).toEqual(["c0"]);
  });

  it("a movie counts if all its files exist; otherwise it is made again from all its frames", async () => {
    files.write("out/0", "data");
    expect((await stateOf([written(0), written(1)], true)).finishedFrames.size).toBe(0);
    files.write("out/1", "data");
    expect((await stateOf([written(0), written(1)], true)).finishedFrames.size).toBe(2);
  });
});

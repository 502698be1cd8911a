import { expect, it } from "vitest";
import { foldJournal } from "../../core/journal/fold.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { deliveredChunks } from "./restored-results.ts";

/** Frame 0 is made of u0 and the backdrop u2, frame 1 of u1 and the same backdrop. */
const plan = {
  ...planOf({ costs: [1, 1, 1] }),
  outputs: [
    { frame: 0, sceneFrames: ["u0", "u2"] },
    { frame: 1, sceneFrames: ["u1", "u2"] },
  ],
};
const finished = (...frames: readonly number[]) => foldJournal(frames.map((frame) => ({ type: "frame-finished", frame, files: [] })));

it("what frames share stays wanted until the last of them is finished", () => {
  expect([...deliveredChunks({ plan, journalState: finished() })]).toEqual([]);
  expect([...deliveredChunks({ plan, journalState: finished(0) })]).toEqual(["c0"]);
  expect([...deliveredChunks({ plan, journalState: finished(0, 1) })].toSorted()).toEqual(["c0", "c1", "c2"]);
});

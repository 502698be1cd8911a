import { describe, expect, it } from "vitest";
import { planOf } from "../schedule/fixtures/plan-of.ts";
import {
  writtenFilesInLedger,
  framesWritten,
  isWhole,
  type LedgerStart,
  noteChunkLost,
  noteFinishing,
  noteLost,
  noteVideo,
  noteWaiting,
  noteWritten,
  firstFilesOfFrames,
  startLedger,
} from "./ledger.ts";
import { type FileFound, filesToFind, outcomeOf } from "./outcome.ts";

const LACK = { code: "CANCELLED", message: "stopped" } as const;
const png = (frame: number) => ({ path: `/out/f_${frame}.png`, bytes: 100 + frame });
const open = (more: Partial<LedgerStart> = {}) =>
  startLedger({ plan: planOf({ costs: [1, 1, 1] }), expected: (frame) => [png(frame).path], ...more });
/** Every expected file exists, except those named. */
const look = (ledger: ReturnType<typeof open>, but: Readonly<Record<string, FileFound>> = {}) =>
  outcomeOf(ledger, new Map(filesToFind(ledger).map(({ path }) => [path, but[path] ?? "there"])), LACK);

describe("a job's ledger", () => {
  it("lists every frame from the start, and those that an earlier run has written", () => {
    const ledger = open({ written: new Map([[1, [png(1)]]]) });
    expect([...ledger.frames].map(([frame, { at }]) => [frame, at])).toEqual([
      [0, "waiting"],
      [1, "written"],
      [2, "waiting"],
    ]);
  });

  it("is complete when every frame is written, and counts the written frames", () => {
    const ledger = open();
    noteWritten(ledger, 0, [png(0)]);
    noteFinishing(ledger, 1);
    noteLost(ledger, 2, LACK);
    noteWaiting(ledger, 1);
    noteWritten(ledger, 1, [png(1)]);
    expect([isWhole(ledger), framesWritten(ledger)]).toEqual([false, 2]);
    noteWritten(ledger, 2, [png(2)]);
    expect([isWhole(ledger), framesWritten(ledger)]).toEqual([true, 3]);
  });

  it("marks every frame as lost that needs a chunk which was given up, but no frame that is written", () => {
    const plan = planOf({ costs: [1, 1, 1] });
    const shared = { ...plan, outputs: plan.outputs.map(({ frame, sceneFrames }) => ({ frame, sceneFrames: [...sceneFrames, "u2"] })) };
    const ledger = startLedger({ plan: shared });
    noteWritten(ledger, 0, []);
    noteChunkLost(ledger, "c2", { code: "BLENDER_CRASHED", message: "it crashed" });
    expect([...ledger.frames.values()].map(({ at }) => at)).toEqual(["written", "lost", "lost"]);
  });

  it("marks a whole movie as lost when one of its frames is lost", () => {
    const ledger = open({ isMovie: true });
    noteChunkLost(ledger, "c1", { code: "BLENDER_CRASHED", message: "it crashed" });
    expect([...ledger.frames.values()].map(({ at }) => at)).toEqual(["lost", "lost", "lost"]);
  });

  it("counts every change, so that a watchdog sees whether there is progress", () => {
    const ledger = open();
    noteFinishing(ledger, 0);
    noteWritten(ledger, 0, []);
    expect(ledger.moves).toBe(2);
  });

  it("lists files in the order of frames, a name that two frames wrote once, and the video last", () => {
    const ledger = open({ video: "/out/v.mp4" });
    for (const frame of [2, 0, 1]) noteWritten(ledger, frame, [png(frame), { path: "/out/same.exr", bytes: frame }]);
    noteVideo(ledger, { path: "/out/v.mp4", bytes: 9 });
    expect(writtenFilesInLedger(ledger)).toEqual([
      png(0),
      { path: "/out/same.exr", bytes: 2 },
      png(1),
      png(2),
      { path: "/out/v.mp4", bytes: 9 },
    ]);
    expect(firstFilesOfFrames(ledger)).toEqual([0, 1, 2].map((frame) => png(frame).path));
  });
});

describe("the outcome of a job", () => {
  it("is complete when every file is written and exists on the disk", () => {
    const ledger = open();
    for (const frame of [0, 1, 2]) noteWritten(ledger, frame, [png(frame)]);
    expect(look(ledger)).toEqual({ outcome: "complete", missing: [], missingVideo: undefined });
  });

  it("names a frame that is neither written nor lost, and why it is missing", () => {
    const ledger = open();
    for (const frame of [0, 2]) noteWritten(ledger, frame, [png(frame)]);
    expect(look(ledger)).toMatchObject({ outcome: "incomplete", missing: [{ frame: 1, files: ["/out/f_1.png"], ...LACK }] });
  });

  it("names files that are missing, truncated or empty", () => {
    for (const found of ["gone", "other-size", "empty"] as const) {
      const ledger = open();
      for (const frame of [0, 1, 2]) noteWritten(ledger, frame, [png(frame)]);
      const { outcome, missing } = look(ledger, { "/out/f_1.png": found });
      expect([outcome, missing]).toMatchObject(["incomplete", [{ frame: 1, files: ["/out/f_1.png"], code: "FILE_LOST" }]]);
    }
  });

  it("is not complete without a file that Blender would have written, whatever other files exist", () => {
    const ledger = open();
    for (const frame of [0, 1, 2]) noteWritten(ledger, frame, frame === 1 ? [{ path: "/out/other.png", bytes: 5 }] : [png(frame)]);
    expect(look(ledger, { "/out/f_1.png": "gone" })).toMatchObject({
      outcome: "incomplete",
      missing: [{ frame: 1, files: ["/out/f_1.png"] }],
    });
  });

  it("is not complete without its video", () => {
    const ledger = open({ video: "/out/v.mp4" });
    for (const frame of [0, 1, 2]) noteWritten(ledger, frame, [png(frame)]);
    expect(look(ledger)).toMatchObject({ outcome: "incomplete", missing: [], missingVideo: "/out/v.mp4" });
    noteVideo(ledger, { path: "/out/v.mp4", bytes: 9 });
    expect(look(ledger).outcome).toBe("complete");
  });

  it("checks each file once, with its last known size", () => {
    const ledger = open();
    for (const frame of [0, 1, 2]) noteWritten(ledger, frame, [{ path: "/out/same.exr", bytes: frame + 1 }]);
    expect(filesToFind(ledger)).toContainEqual({ path: "/out/same.exr", bytes: 3 });
    expect(filesToFind(ledger)).toHaveLength(4);
  });
});

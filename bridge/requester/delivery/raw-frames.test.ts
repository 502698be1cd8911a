import { beforeEach, describe, expect, it } from "vitest";
import type { JobPlan, PlannedSceneFrame } from "../../core/plan/plan.ts";
import { MemoryDisk } from "../../test/fakes/memory-disk.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";
import { RawFrames } from "./raw-frames.ts";

const region = { x: 0, y: 0, width: 4, height: 4 };

function sceneFrame(scene: string, frame: number): PlannedSceneFrame {
  return {
    key: `${scene}:${frame}`,
    sceneFrame: { scene, frame },
    kind: "raw",
    width: 4,
    height: 4,
    region,
    chunks: [`${scene}:${frame}`],
  };
}

/** Two frames that share a still backdrop. */
const PLAN: JobPlan = {
  chunks: [],
  sceneFrames: [sceneFrame("Scene", 1), sceneFrame("Scene", 2), sceneFrame("Backdrop", 9)],
  outputs: [
    { frame: 1, sceneFrames: ["Scene:1", "Backdrop:9"] },
    { frame: 2, sceneFrames: ["Scene:2", "Backdrop:9"] },
  ],
  messages: [],
  inOrder: false,
  grids: [],
};

let disk: MemoryDisk;
let rawFrames: RawFrames;
const pathOf = ({ scene, frame }: { scene: string; frame: number }) => `/${scene}_${frame}.exr`;
/** The scene frames of which a file lies there. */
const lying = async () => {
  const names = await disk.readdir("/");
  return PLAN.sceneFrames.filter(({ sceneFrame: each }) => names.includes(pathOf(each).slice(1))).map(({ key }) => key);
};

beforeEach(async () => {
  disk = new MemoryDisk({ clock: new SteppedClock() });
  for (const { sceneFrame: each } of PLAN.sceneFrames) await disk.writeFile(pathOf(each), "raw");
  rawFrames = new RawFrames(disk, PLAN, pathOf);
});

describe("raw frames waiting for pickup", () => {
  it("are announced once their frame is whole", () => {
    expect(rawFrames.pictures(1)).toEqual([]);
    rawFrames.add(1);
    expect(rawFrames.frames).toEqual([1]);
    expect(rawFrames.pictures(1)).toEqual([
      { scene: "Scene", frame: 1, path: pathOf({ scene: "Scene", frame: 1 }), width: 4, height: 4, region },
      { scene: "Backdrop", frame: 9, path: pathOf({ scene: "Backdrop", frame: 9 }), width: 4, height: 4, region },
    ]);
  });

  it("are removed on release, unless another frame uses them", async () => {
    rawFrames.add(1);
    await rawFrames.release(1);
    await rawFrames.release(1); // said twice, it counts once
    expect(rawFrames.pictures(1)).toEqual([]);
    expect(await lying()).toEqual(["Scene:2", "Backdrop:9"]);
    rawFrames.add(2);
    expect(rawFrames.pictures(2)).toHaveLength(2);
    await rawFrames.release(2);
    expect(await lying()).toEqual([]);
  });

  it("are found again after a restart, except released ones", async () => {
    await rawFrames.release(1);
    const next = new RawFrames(disk, PLAN, pathOf);
    for (const frame of [1, 2]) await next.recall(frame);
    expect(next.frames).toEqual([2]);
    await next.release(2);
    expect(await lying()).toEqual([]);
  });
});

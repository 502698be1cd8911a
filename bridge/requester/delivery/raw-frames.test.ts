import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobPlan, PlannedUnit } from "../../core/plan/plan.ts";
import { FloatsShelf } from "./raw-frames.ts";

const region = { x: 0, y: 0, width: 4, height: 4 };

function unit(scene: string, frame: number): PlannedUnit {
  return { key: `${scene}:${frame}`, unit: { scene, frame }, kind: "floats", width: 4, height: 4, region, chunks: [`${scene}:${frame}`] };
}

/** Two frames that share a still backdrop. */
const PLAN: JobPlan = {
  chunks: [],
  units: [unit("Scene", 1), unit("Scene", 2), unit("Backdrop", 9)],
  outputs: [
    { frame: 1, units: ["Scene:1", "Backdrop:9"] },
    { frame: 2, units: ["Scene:2", "Backdrop:9"] },
  ],
  sentences: [],
  inOrder: false,
  grids: [],
};

let folder: string;
let shelf: FloatsShelf;
const pathOf = ({ scene, frame }: { scene: string; frame: number }) => join(folder, `${scene}_${frame}.exr`);
const isThere = () => PLAN.units.filter(({ unit: each }) => existsSync(pathOf(each))).map(({ key }) => key);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "p2p-shelf-"));
  for (const { unit: each } of PLAN.units) writeFileSync(pathOf(each), "floats");
  shelf = new FloatsShelf(PLAN, pathOf);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("floats that wait for somebody", () => {
  it("are told of once their frame is whole", () => {
    expect(shelf.pictures(1)).toEqual([]);
    shelf.add(1);
    expect(shelf.frames).toEqual([1]);
    expect(shelf.pictures(1)).toEqual([
      { scene: "Scene", frame: 1, path: pathOf({ scene: "Scene", frame: 1 }), width: 4, height: 4, region },
      { scene: "Backdrop", frame: 9, path: pathOf({ scene: "Backdrop", frame: 9 }), width: 4, height: 4, region },
    ]);
  });

  it("go when they are released, but not while another frame shows them", async () => {
    shelf.add(1);
    await shelf.release(1);
    await shelf.release(1); // said twice, it counts once
    expect(shelf.pictures(1)).toEqual([]);
    expect(isThere()).toEqual(["Scene:2", "Backdrop:9"]);
    shelf.add(2);
    expect(shelf.pictures(2)).toHaveLength(2);
    await shelf.release(2);
    expect(isThere()).toEqual([]);
  });

  it("are found again by the next bridge, less those that were released", async () => {
    await shelf.release(1);
    const next = new FloatsShelf(PLAN, pathOf);
    for (const frame of [1, 2]) await next.recall(frame);
    expect(next.frames).toEqual([2]);
    await next.release(2);
    expect(isThere()).toEqual([]);
  });
});

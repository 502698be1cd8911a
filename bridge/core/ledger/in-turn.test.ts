import { describe, expect, it } from "vitest";
import { planOf } from "../schedule/fixtures/plan-of.ts";
import { mustFinishInOrder, isItsTurn } from "./in-turn.ts";
import { noteFinishing, noteLost, noteWaiting, noteWritten, startLedger } from "./ledger.ts";

const png = [{ kind: "main", before: "/out/f_", digits: 4, after: ".png" }] as const;

describe("a job's frames are finished in order", () => {
  it("when two frames write one file", () => {
    const movie = [{ kind: "movie", before: "/out/f_01-04.avi", digits: 0, after: "" }] as const;
    expect(mustFinishInOrder([1, 2, 3], movie, [])).toBe(true);
    expect(mustFinishInOrder([1], movie, [])).toBe(false);
    expect(mustFinishInOrder([1, 2, 3], png, [])).toBe(false);
  });

  it("when the scene reads what the job writes, also by the name of another frame or of a File Output node", () => {
    const node = { kind: "node", paths: [[1, "/out/node0001.exr"]] } as const;
    expect(mustFinishInOrder([1, 2, 3], png, ["/textures/a.png", "/out/f_0000.png"])).toBe(true);
    expect(mustFinishInOrder([1, 2, 3], [...png, node], ["/out/node0001.exr"])).toBe(true);
    expect(mustFinishInOrder([1, 2, 3], [...png, node], ["/out/f_mask.png", "/out/f_0001.exr", "/f_0001.png"])).toBe(false);
  });
});

describe("the turn of a frame", () => {
  const LACK = { code: "BLENDER_CRASHED", message: "it crashed" } as const;

  it("has come when all earlier requested frames are written or lost", () => {
    const plan = planOf({ costs: [1, 1, 1] });
    const ledger = startLedger({ plan: { ...plan, outputs: plan.outputs.toReversed() }, inTurn: true });
    const turns = () => [2, 1, 0].map((frame) => isItsTurn(ledger, frame));
    expect(turns()).toEqual([true, false, false]);
    noteFinishing(ledger, 2);
    expect(turns()).toEqual([true, false, false]);
    noteWaiting(ledger, 2);
    noteWritten(ledger, 2, []);
    expect(turns()).toEqual([true, true, false]);
    noteLost(ledger, 1, LACK);
    expect(turns()).toEqual([true, true, true]);
  });

  it("is always there when order does not matter", () => {
    expect(isItsTurn(startLedger({ plan: planOf({ costs: [1, 1] }) }), 1)).toBe(true);
  });
});

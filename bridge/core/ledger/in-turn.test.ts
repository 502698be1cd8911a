import { describe, expect, it } from "vitest";
import { planOf } from "../schedule/fixtures/plan-of.ts";
import { goesInTurn, isItsTurn } from "./in-turn.ts";
import { noteFinishing, noteLost, noteWaiting, noteWritten, startLedger } from "./ledger.ts";

const png = (frame: number) => [`/out/f_${frame}.png`];

describe("a job goes in turn", () => {
  it("where two frames write one file", () => {
    expect(goesInTurn([1, 2, 3], () => ["/out/f_01-04.avi"], [])).toBe(true);
    expect(goesInTurn([1], () => ["/out/f_01-04.avi"], [])).toBe(false);
    expect(goesInTurn([1, 2, 3], png, [])).toBe(false);
  });

  it("where the scene reads what the job writes", () => {
    expect(goesInTurn([1, 2, 3], png, ["/textures/a.png", "/out/f_2.png"])).toBe(true);
    expect(goesInTurn([1, 3], png, ["/out/f_2.png"])).toBe(false);
  });
});

describe("the turn of a frame", () => {
  const LACK = { code: "BLENDER_CRASHED", message: "it crashed" } as const;

  it("has come when those asked for before it are written or lost", () => {
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

  it("is always where order does not matter", () => {
    expect(isItsTurn(startLedger({ plan: planOf({ costs: [1, 1] }) }), 1)).toBe(true);
  });
});

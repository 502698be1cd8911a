import { expect, it } from "vitest";
import { workOfChunk, energyContribution, noTotals, addWork } from "./totals.ts";

const tile = {
  kind: "raw",
  scene: "S",
  frame: 1,
  width: 100,
  height: 50,
  rect: { x: 0, y: 0, width: 50, height: 50 },
  denoise: "none",
} as const;

it("counts tiles as their share of a frame, today and in total, and resets today's count each day", () => {
  let totals = addWork(noTotals("mon"), "mon", workOfChunk(tile, 3));
  totals = addWork(totals, "mon", workOfChunk(tile, 4));
  totals = addWork(totals, "mon", energyContribution(100));
  expect(totals.today).toEqual({ chunks: 2, frames: 1, seconds: 7, joules: 100 });
  totals = addWork(
    totals,
    "tue",
    workOfChunk({ kind: "files", scene: "S", frame: 1, output: { name: "", format: "PNG", useExtension: true } }, 5),
  );
  expect(totals).toEqual({
    day: "tue",
    today: { chunks: 1, frames: 1, seconds: 5, joules: undefined },
    ever: { chunks: 3, frames: 2, seconds: 12, joules: 100 },
  });
});

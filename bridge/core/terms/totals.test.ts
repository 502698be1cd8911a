import { expect, it } from "vitest";
import { givenBy, joulesGiven, noTotals, withMore } from "./totals.ts";

const tile = {
  kind: "raw",
  scene: "S",
  frame: 1,
  width: 100,
  height: 50,
  rect: { x: 0, y: 0, width: 50, height: 50 },
  denoise: false,
} as const;

it("counts tiles as their share of a frame, today and in total, and resets today's count each day", () => {
  let totals = withMore(noTotals("mon"), "mon", givenBy(tile, 3));
  totals = withMore(totals, "mon", givenBy(tile, 4));
  totals = withMore(totals, "mon", joulesGiven(100));
  expect(totals.today).toEqual({ chunks: 2, frames: 1, seconds: 7, joules: 100 });
  totals = withMore(
    totals,
    "tue",
    givenBy({ kind: "files", scene: "S", frame: 1, output: { name: "", format: "PNG", useExtension: true } }, 5),
  );
  expect(totals).toEqual({
    day: "tue",
    today: { chunks: 1, frames: 1, seconds: 5, joules: undefined },
    ever: { chunks: 3, frames: 2, seconds: 12, joules: 100 },
  });
});

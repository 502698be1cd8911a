import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { endEventBeforeWork } from "../../core/ledger/end-event.ts";
import { endingText } from "./job-ending.ts";

function endingOf(outcome: "complete" | "incomplete", framesDone: number, framesTotal: number): string {
  const event = endEventBeforeWork("j", "failed", null);
  return stripVTControlCharacters(endingText({ ...event, outcome, stats: { ...event.stats, framesDone, framesTotal } }, new Map()));
}

it("the end of a job says how many of its frames were written, in one wording", () => {
  expect(endingOf("complete", 1, 1)).toMatch(/^complete 1 of 1 frame in /);
  expect(endingOf("incomplete", 0, 1)).toMatch(/^incomplete 0 of 1 frame in /);
  expect(endingOf("complete", 4, 4)).toMatch(/^complete 4 of 4 frames in /);
});

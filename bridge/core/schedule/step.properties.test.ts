import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ObservedJob } from "./fixtures/observed-job.ts";
import { claimForDelivery } from "./checks.ts";
import { planOf } from "./fixtures/plan-of.ts";
import { finishHonestly, type History, history, HONEST, runRandomHistory } from "./fixtures/random-history.ts";
import { startSchedule } from "./schedule.ts";
import { stepSchedule } from "./step.ts";
import type { ScheduleEffect, ScheduleEvent } from "./types.ts";

/** Checks a property over many random histories, in all of which `ObservedJob` checks its invariants. */
function overHistories(claim: (past: History) => void): void {
  fc.assert(fc.property(history, claim), { numRuns: 500 });
}

/** Chunks that a new session of the job leases before it ends. */
function resume(past: History, job: ObservedJob) {
  const accepted = new Map(
    [...job.books].flatMap(([chunk, book]) =>
      book.accepted ? [[chunk, { type: "chunk-accepted", chunk, sha256: "", files: [], ...book.accepted }] as const] : [],
    ),
  );
  const schedule = startSchedule(planOf(past), { accepted, dead: new Map(), banned: new Map(), finishedFrames: new Map() });
  const events: ScheduleEvent[] = [{ type: "donor-joined", nowMs: 0, donor: HONEST, slots: 99, trusted: true, sameClass: true }];
  const leased = new Set<string>();
  for (let event = events.shift(); event; event = events.shift()) {
    for (const effect of stepSchedule(schedule, event, job.policy).effects) {
      if (effect.type === "lease") leased.add(effect.chunk);
      events.push(...answers(effect));
    }
  }
  return { accepted, leased, ended: schedule.ended };
}

function answers(effect: ScheduleEffect): ScheduleEvent[] {
  if (effect.type === "lease") return [{ type: "chunk-rendered", nowMs: 0, chunk: effect.chunk, donor: HONEST, seconds: 1 }];
  if (effect.type === "fetch")
    return [{ type: "result-fetched", nowMs: 0, chunk: effect.chunk, donor: HONEST, sha256: "x", suspicious: false }];
  return [];
}

describe("step, over random histories", () => {
  it("keeps every invariant of the observed job", () => {
    overHistories((past) => {
      const { job } = runRandomHistory(past);
      expect(job.history.length).toBeGreaterThanOrEqual(past.deeds.length);
    });
  });

  it("ends every job once an honest donor can work, whatever happened before", () => {
    overHistories((past) => {
      const after = runRandomHistory(past);
      finishHonestly(after);
      expect(after.job.ended).toBeDefined();
    });
  });

  it("gives the same effects for the same events read back from JSON", () => {
    overHistories((past) => {
      const { job } = runRandomHistory(past);
      const history = JSON.parse(JSON.stringify(job.history)) as typeof job.history;
      const schedule = startSchedule(planOf(past));
      const again = history.flatMap((each) => {
        if (!("claimed" in each)) return stepSchedule(schedule, each, job.policy).effects;
        claimForDelivery(schedule, [each.claimed]);
        return [];
      });
      expect(JSON.stringify(again)).toBe(JSON.stringify(job.effects));
    });
  });

  it("resumes from a journal without rendering accepted chunks again", () => {
    overHistories((past) => {
      const { job } = runRandomHistory(past);
      const { accepted, leased, ended } = resume(past, job);
      expect(leased).toEqual(new Set([...job.books.keys()].filter((chunk) => !accepted.has(chunk))));
      expect(ended).toBe("complete");
    });
  });
});

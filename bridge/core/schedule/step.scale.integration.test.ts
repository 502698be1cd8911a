import { describe, expect, it } from "vitest";
import { planOf } from "./fixtures/plan-of.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { startSchedule } from "./schedule.ts";
import { stepSchedule } from "./step.ts";
import type { ScheduleEffect, ScheduleEvent } from "./types.ts";

const CHUNKS = 100_000;
const DONORS = 1_000;

/** A swarm without time: each lease is rendered, fetched and checked in order. */
function answer(effect: ScheduleEffect, nowMs: number): ScheduleEvent[] {
  if (effect.type === "lease")
    return [{ type: "chunk-rendered", nowMs, chunk: effect.chunk, donor: effect.donor, seconds: 1 + (nowMs % 7) }];
  if (effect.type === "fetch")
    return [{ type: "result-fetched", nowMs, chunk: effect.chunk, donor: effect.donor, sha256: effect.chunk, suspicious: false }];
  if (effect.type === "check") return [{ type: "result-checked", nowMs, chunk: effect.chunk, donor: effect.donor, verdict: "equal" }];
  return [];
}

describe("step, at full size", () => {
  it("decides in less than a millisecond on average with 100,000 chunks and 1,000 donors", () => {
    const policy = { ...DEFAULT_POLICY, verify: "spot", secret: "s" } as const;
    const schedule = startSchedule(planOf({ costs: Array.from({ length: CHUNKS }, (_, index) => 5 + (index % 13)) }));
    const events: ScheduleEvent[] = Array.from({ length: DONORS }, (_, index) => ({
      type: "donor-joined",
      nowMs: 0,
      donor: `d${index}`,
      slots: 1,
      trusted: false,
      sameClass: true,
    }));
    const times: number[] = [];
    let accepted = 0;
    for (let index = 0; index < events.length; index++) {
      const event = { ...(events[index] as ScheduleEvent), nowMs: index / 20 };
      const before = process.threadCpuUsage();
      const { effects } = stepSchedule(schedule, event, policy);
      const { user, system } = process.threadCpuUsage(before);
      times.push((user + system) / 1_000); // its own CPU time, not that of other processes
      for (const effect of effects) events.push(...answer(effect, index));
      accepted += effects.filter(({ type }) => type === "accept").length;
      if (index % 5_000 === 0) events.push({ type: "tick", nowMs: 0 });
    }
    times.sort((a, b) => a - b);
    expect(accepted).toBe(CHUNKS);
    expect(schedule.ended).toBe("complete");
    expect(times.reduce((sum, time) => sum + time, 0) / times.length).toBeLessThan(1);
    expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(5);
  });
});

import { describe, expect, it } from "vitest";
import { STALL_TIMEOUTS } from "../../core/ledger/stall.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { DEFAULT_POLICY } from "../../core/schedule/policy.ts";
import { startSchedule } from "../../core/schedule/schedule.ts";
import { stepSchedule } from "../../core/schedule/step.ts";
import { JobMonitor, type StallCheckInput } from "./job-monitor.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const policy = { ...DEFAULT_POLICY, verify: "spot" as const, secret: "s" };

/** A watch that has looked at the job at 0 ms. */
function watchOf(job: StallCheckInput): JobMonitor {
  const watch = new JobMonitor(0);
  watch.look(0, job);
  return watch;
}

const idle = (): StallCheckInput => ({
  schedule: startSchedule(planOf({ costs: [1] })),
  moves: 0,
  isPaused: false,
  hasDonors: true,
  banned: [],
  waits: [],
});

/** A job with one donor, which renders its chunk when it is open. */
function withDonor(open: boolean): StallCheckInput {
  let { schedule } = idle();
  const joined = { type: "donor-joined", donor: "a", slots: 1, trusted: false, sameClass: true, nowMs: 0 } as const;
  schedule = stepSchedule(schedule, joined, policy).schedule;
  if (!open) schedule = stepSchedule(schedule, { type: "donor-availability", donor: "a", open: false, nowMs: 0 }, policy).schedule;
  return { ...idle(), schedule };
}

describe("a job without donors", () => {
  it("ends after half a minute, and not before", () => {
    const watch = new JobMonitor(0);
    const job = { ...idle(), hasDonors: false };
    expect(watch.look(30 * SECOND, job)).toBeUndefined();
    expect(watch.look(30 * SECOND + 1, job)).toMatchObject({ code: "NO_DONORS" });
  });

  it("counts from the last moment at which there was one", () => {
    const watch = new JobMonitor(0);
    watch.look(20 * SECOND, idle());
    expect(watch.look(50 * SECOND, { ...idle(), hasDonors: false })).toBeUndefined();
    expect(watch.look(50 * SECOND + 1, { ...idle(), hasDonors: false })).toMatchObject({ code: "NO_DONORS" });
  });

  it("says once that it waits for one, and again after there was one", () => {
    const watch = new JobMonitor(0);
    const saidAt = (nowMs: number, hasDonors: boolean) => {
      watch.look(nowMs, { ...idle(), hasDonors });
      return watch.waitingNote(nowMs);
    };
    expect(saidAt(500, false)).toBeUndefined(); // it may be connecting
    expect(saidAt(SECOND, false)).toContain("waits 30 s");
    expect(saidAt(2 * SECOND, false)).toBeUndefined();
    expect(saidAt(3 * SECOND, true)).toBeUndefined();
    expect(saidAt(4 * SECOND, false)).toContain("waits 30 s");
  });

  it("waits for ever while it is paused", () => {
    const watch = new JobMonitor(0);
    const job = { ...idle(), hasDonors: false, isPaused: true };
    for (let minute = 1; minute < 600; minute++) expect(watch.look(minute * MINUTE, job)).toBeUndefined();
  });

  it("names banned donors, and says what several bans may mean", () => {
    const trouble = (banned: readonly string[]) => new JobMonitor(0).look(MINUTE, { ...idle(), hasDonors: false, banned });
    expect(trouble(["ann"])?.message).toContain("banned ann");
    expect(trouble(["ann"])?.advice).toContain("bridge donate");
    expect(trouble(["ann", "bert"])?.advice).toContain("this machine may be the odd one");
    expect(trouble(["1", "2", "3", "4", "5", "6"])?.message).toContain("banned 1, 2, 3, 4, 5");
  });
});

describe("a job without progress", () => {
  const late = STALL_TIMEOUTS.otherMs + 1;
  const job = { ...withDonor(true), waits: [{ what: "the check of chunk c0", kind: "other" as const, sinceMs: 0 }] };

  it("waits as long as a render may take while a donor renders", () => {
    expect(watchOf(withDonor(true)).look(late, withDonor(true))).toBeUndefined();
    expect(watchOf(withDonor(true)).look(STALL_TIMEOUTS.renderMs + 1, withDonor(true))).toMatchObject({
      code: "JOB_STALLED",
      message: expect.stringContaining("chunk c0 of donor a"),
    });
  });

  it("waits through a night while all donors are paused", () => {
    const watch = new JobMonitor(0);
    for (let minute = 1; minute < 12 * 60; minute++) expect(watch.look(minute * MINUTE, withDonor(false))).toBeUndefined();
  });

  it("is not stalled while events come or frames advance; ticks and heartbeats do not count", () => {
    const end = STALL_TIMEOUTS.renderMs + 1;
    const after = (change: (watch: JobMonitor) => void) => {
      const watch = watchOf(job);
      change(watch);
      return watch.look(end, job)?.code;
    };
    expect(after(() => {})).toBe("JOB_STALLED");
    expect(after((watch) => watch.heard({ type: "tick", nowMs: end }))).toBe("JOB_STALLED");
    expect(after((watch) => watch.heard({ type: "heartbeat", donor: "a", nowMs: end }))).toBe("JOB_STALLED");
    expect(after((watch) => watch.heard({ type: "donor-left", donor: "b", reason: "", nowMs: end }))).toBeUndefined();
    expect(after((watch) => watch.moved(end))).toBeUndefined();
  });

  it("is not stalled when a frame's state has changed since the last check", () => {
    const watch = new JobMonitor(0);
    expect(watch.look(1, job)).toBeUndefined();
    expect(watch.look(STALL_TIMEOUTS.renderMs + 2, { ...job, moves: 1 })).toBeUndefined();
    expect(watch.look(2 * STALL_TIMEOUTS.renderMs + 4, { ...job, moves: 1 })).toMatchObject({ code: "JOB_STALLED" });
  });
});

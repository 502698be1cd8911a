import { describe, expect, it } from "vitest";
import { foldJournal } from "../journal/fold.ts";
import { planOf, type PlanShape } from "./fixtures/plan-of.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { startSchedule } from "./schedule.ts";
import { stepSchedule } from "./step.ts";
import type { ScheduleEvent, SchedulePolicy } from "./types.ts";

type UntimedEvent = ScheduleEvent extends infer E ? (E extends unknown ? Omit<E, "nowMs"> : never) : never;

/** A schedule for tests: each call sends an event and returns the effects as short texts. */
function begin(shape: PlanShape, choices: Partial<SchedulePolicy> = {}, journalState?: Parameters<typeof startSchedule>[1]) {
  const policy: SchedulePolicy = { ...DEFAULT_POLICY, verify: "off", secret: "s", ...choices };
  let schedule = startSchedule(planOf(shape), journalState);
  const say = (event: UntimedEvent, nowMs = 0): string[] => {
    const turn = stepSchedule(schedule, { ...event, nowMs } as ScheduleEvent, policy);
    schedule = turn.schedule;
    return turn.effects.map(({ type, ...facts }) =>
      [type, ...Object.entries(facts).flatMap(([key, value]) => (key === "sha256" ? [] : [String(value)]))].join(" "),
    );
  };
  const join = (donor: string, options: { slots?: number; trusted?: boolean; nowMs?: number } = {}) =>
    say({ type: "donor-joined", donor, slots: options.slots ?? 1, trusted: options.trusted ?? false, sameClass: true }, options.nowMs);
  const rendered = (chunk: string, donor: string, nowMs = 0) => say({ type: "chunk-rendered", chunk, donor, seconds: 1 }, nowMs);
  const fetched = (chunk: string, donor: string, options: { suspicious?: boolean; nowMs?: number } = {}) =>
    say({ type: "result-fetched", chunk, donor, sha256: "ab", suspicious: options.suspicious ?? false }, options.nowMs);
  const checked = (chunk: string, donor: string, verdict: "equal" | "warned" | "different") =>
    say({ type: "result-checked", chunk, donor, verdict });
  const failed = (chunk: string, donor: string, kind: "task" | "transport" | "refused" = "task", nowMs = 0) =>
    say({ type: "chunk-failed", chunk, donor, code: "BLENDER_CRASHED", kind }, nowMs);
  return { say, join, rendered, fetched, checked, failed };
}

describe("step", () => {
  it("leases a donor one chunk for its slot and one to prefetch", () => {
    const job = begin({ costs: [1, 1, 1] });
    expect(job.join("a")).toEqual(["lease c0 a 1", "lease c1 a 1"]);
    expect(job.rendered("c0", "a")).toEqual(["fetch c0 a", "lease c2 a 1"]);
    expect(job.fetched("c0", "a")).toEqual(["accept c0 a false"]);
  });

  it("prefetches short chunks, and leaves long ones to the first free donor", () => {
    const job = begin({ costs: [1, 1, 100, 100, 1, 1] });
    expect(job.join("a")).toEqual(["lease c2 a 1"]);
    expect(job.rendered("c2", "a")).toEqual(["fetch c2 a", "lease c3 a 1", "lease c0 a 1"]);
    const long = begin({ costs: [1, 1, 100, 100, 100, 100] }, { aheadSeconds: 0.5 });
    long.join("a");
    expect(long.join("b")).toEqual(["lease c3 b 1"]);
    expect(long.rendered("c2", "a")).toEqual(["fetch c2 a", "lease c4 a 1"]); // no tile before the remaining frame
    expect(long.rendered("c3", "b")).toEqual(["fetch c3 b", "lease c5 b 1", "lease c0 a 1"]);
  });

  it("does not prefetch whole final files", () => {
    expect(begin({ costs: [1, 1, 1], kind: "files" }).join("a")).toEqual(["lease c0 a 1"]);
  });

  it("ends with the last accepted chunk, and has no effects after it", () => {
    const job = begin({ costs: [1] });
    job.join("a");
    job.rendered("c0", "a");
    expect(job.fetched("c0", "a")).toEqual(["accept c0 a false", "job-ended complete"]);
    expect(job.join("b")).toEqual([]);
  });

  it("accepts only a result of the donor that holds the lease", () => {
    const job = begin({ costs: [1] });
    job.join("a");
    job.join("b");
    expect(job.rendered("c0", "b")).toEqual([]);
    expect(job.fetched("c0", "b")).toEqual([]);
    expect(job.fetched("c0", "a")).toEqual([]);
    expect(job.rendered("c0", "nobody")).toEqual([]);
  });

  it("leases a lost donor's chunks to others at once", () => {
    const job = begin({ costs: [1, 1] });
    job.join("a");
    job.join("b");
    expect(job.say({ type: "donor-left", donor: "a", reason: "gone" })).toEqual(["lease c0 b 2"]);
  });

  it("leases nothing to a donor that was silent for 15 seconds", () => {
    const job = begin({ costs: [1, 1, 1] });
    job.join("a");
    job.join("b");
    job.say({ type: "heartbeat", donor: "b" }, 15_001);
    expect(job.say({ type: "donor-left", donor: "b", reason: "gone" }, 15_001)).toEqual([]);
  });

  it("withdraws the chunks of a donor that was silent for 30 seconds", () => {
    const job = begin({ costs: [1, 1, 1] });
    job.join("a");
    expect(job.rendered("c0", "a", 16_000)).toEqual(["fetch c0 a", "lease c2 a 1"]);
    expect(job.fetched("c0", "a", { nowMs: 32_000 })).toEqual(["accept c0 a false"]);
    expect(job.say({ type: "tick" }, 46_000)).toEqual([]);
    expect(job.say({ type: "tick" }, 46_001)).toEqual(["withdraw c1 a expired", "withdraw c2 a expired"]);
    expect(job.say({ type: "heartbeat", donor: "a" }, 46_002)).toEqual(["lease c1 a 2", "lease c2 a 2"]);
  });

  it("retries a crash on another donor first, on the same one only when there is no other", () => {
    const job = begin({ costs: [1] });
    job.join("a");
    expect(job.failed("c0", "a")).toEqual(["lease c0 a 2"]);
    const pair = begin({ costs: [1] });
    pair.join("a");
    pair.join("b");
    expect(pair.failed("c0", "a")).toEqual(["lease c0 b 2"]);
  });

  it("gives a chunk up after two tries of the only donor, or three donors of many", () => {
    const alone = begin({ costs: [1] });
    alone.join("a");
    alone.failed("c0", "a");
    expect(alone.failed("c0", "a")).toEqual(["chunk-dead c0 BLENDER_CRASHED", "job-ended incomplete"]);
    const many = begin({ costs: [1] });
    for (const donor of ["a", "b", "c", "d"]) many.join(donor);
    many.failed("c0", "a");
    expect(many.failed("c0", "b")).toEqual(["lease c0 c 3"]);
    expect(many.failed("c0", "c")).toEqual(["chunk-dead c0 BLENDER_CRASHED", "job-ended incomplete"]);
  });

  it("tries this machine before it gives a chunk up", () => {
    const job = begin({ costs: [1] });
    for (const donor of ["a", "b", "c", "d"]) job.join(donor);
    job.join("here", { trusted: true });
    job.failed("c0", "a");
    job.failed("c0", "b");
    expect(job.failed("c0", "c")).toEqual(["lease c0 here 4"]);
    expect(job.failed("c0", "here")).toEqual(["chunk-dead c0 BLENDER_CRASHED", "job-ended incomplete"]);
  });

  it("retries a chunk after eight lost transfers, not after nine, and pauses the donor between them", () => {
    const job = begin({ costs: [1] });
    job.join("a");
    expect(job.failed("c0", "a", "transport")).toEqual(["lease c0 a 2"]);
    expect(job.failed("c0", "a", "transport")).toEqual([]);
    expect(job.say({ type: "tick" }, 999)).toEqual([]);
    expect(job.say({ type: "tick" }, 1_000)).toEqual(["lease c0 a 3"]);
    for (let lost = 3; lost <= 8; lost++) {
      job.failed("c0", "a", "transport", lost * 100_000);
      job.say({ type: "heartbeat", donor: "a" }, lost * 100_000 + 60_000);
    }
    expect(job.failed("c0", "a", "transport", 900_000)).toEqual(["chunk-dead c0 BLENDER_CRASHED", "job-ended incomplete"]);
  });

  it("bans a donor after three failures in a row while others remain", () => {
    const job = begin({ costs: [1, 1, 1, 1, 1, 1] });
    job.join("a");
    job.join("b");
    job.failed("c0", "a");
    job.failed("c1", "a");
    expect(job.failed("c4", "a")[0]).toBe("ban-donor a task");
  });

  it("moves a chunk that waits in a donor's queue to an idle donor", () => {
    const job = begin({ costs: [1, 1] });
    job.join("a");
    expect(job.join("b")).toEqual(["withdraw c1 a moved", "lease c1 b 2"]);
  });

  it("renders the last chunk twice when its donor is slow, and takes the first result", () => {
    const job = begin({ costs: [1] });
    job.join("a");
    expect(job.join("b")).toEqual([]);
    expect(job.say({ type: "heartbeat", donor: "a" }, 4_999)).toEqual([]);
    expect(job.say({ type: "heartbeat", donor: "b" }, 5_000)).toEqual(["lease c0 b 2"]);
    job.rendered("c0", "b", 6_000);
    expect(job.fetched("c0", "b")).toEqual(["accept c0 b false", "withdraw c0 a finished-elsewhere", "job-ended complete"]);
  });

  it("leases nothing while paused, and continues afterwards", () => {
    const job = begin({ costs: [1] });
    job.say({ type: "pause" });
    expect(job.join("a")).toEqual([]);
    expect(job.say({ type: "resume" })).toEqual(["lease c0 a 1"]);
  });

  it("withdraws everything when cancelled", () => {
    const job = begin({ costs: [1, 1] });
    job.join("a");
    expect(job.say({ type: "cancel" })).toEqual(["withdraw c0 a cancelled", "withdraw c1 a cancelled", "job-ended cancelled"]);
  });

  it("renders in-order jobs one after the other on one donor", () => {
    const job = begin({ costs: [1, 9, 1], inOrder: true });
    expect(job.join("a", { slots: 4 })).toEqual(["lease c0 a 1"]);
    expect(job.join("b")).toEqual([]);
    expect(job.rendered("c0", "a")).toEqual(["fetch c0 a", "lease c1 a 1"]);
    expect(job.say({ type: "donor-left", donor: "a", reason: "gone" })).toEqual(["lease c1 b 2"]);
  });

  it("starts with the most expensive chunks, in the order of the plan among equal ones", () => {
    expect(begin({ costs: [1, 1, 100, 101, 1, 1] }).join("a", { slots: 2 })).toEqual(["lease c2 a 1", "lease c3 a 1"]);
  });

  it("ends at the first event when there is nothing to do", () => {
    const journalState = foldJournal([{ type: "chunk-accepted", chunk: "c0", sha256: "ab", files: [], donor: "a", checked: false }]);
    expect(begin({ costs: [1] }, {}, journalState).say({ type: "tick" })).toEqual(["job-ended complete"]);
  });

  it("does not render the chunks of finished frames again, though their results are gone", () => {
    const journalState = foldJournal([{ type: "frame-finished", frame: 0, files: [{ path: "/out/0.png" }] }]);
    expect(begin({ costs: [1, 1] }, {}, journalState).join("a")).toEqual(["lease c1 a 1"]);
  });

  describe("a donor whose owner stops it", () => {
    const stand = (job: ReturnType<typeof begin>, open: boolean, donor = "a") => job.say({ type: "donor-availability", donor, open });

    it("keeps the chunk it has begun; its queued chunks go to others", () => {
      const job = begin({ costs: [1, 1] });
      expect(job.join("a")).toEqual(["lease c0 a 1", "lease c1 a 1"]);
      expect(stand(job, false)).toEqual(["withdraw c1 a moved"]);
      // Nothing else waits: b renders the chunk that is paused at a, too.
      expect(job.join("b")).toEqual(["lease c1 b 2"]);
      expect(job.rendered("c1", "b")).toEqual(["fetch c1 b", "lease c0 b 2"]);
      expect(job.rendered("c0", "b")).toEqual(["fetch c0 b"]);
      expect(job.fetched("c0", "b")).toEqual(["accept c0 b false", "withdraw c0 a finished-elsewhere"]);
    });

    it("gets no new chunk until its owner resumes it, and then at once", () => {
      const job = begin({ costs: [1, 1, 1] });
      job.join("a");
      stand(job, false);
      expect(job.rendered("c0", "a")).toEqual(["fetch c0 a"]);
      expect(job.fetched("c0", "a")).toEqual(["accept c0 a false"]);
      expect(stand(job, true)).toEqual(["lease c1 a 2", "lease c2 a 1"]);
    });

    it("has all its begun chunks rendered by others at once, not one at a time", () => {
      const job = begin({ costs: [1, 1, 1] });
      job.join("a", { slots: 3 });
      stand(job, false);
      expect(job.join("b", { slots: 3 })).toEqual(["lease c0 b 2", "lease c1 b 2", "lease c2 b 2"]);
    });

    it("may deliver a chunk it has begun, before or after the backup", () => {
      const job = begin({ costs: [1] });
      job.join("a");
      stand(job, false);
      expect(job.join("b")).toEqual(["lease c0 b 2"]);
      stand(job, true);
      expect(job.rendered("c0", "a")).toEqual(["fetch c0 a"]);
      expect(job.fetched("c0", "a")).toEqual(["accept c0 a false", "withdraw c0 b finished-elsewhere", "job-ended complete"]);
    });

    it("loses an in-order job to another donor", () => {
      const job = begin({ costs: [1, 1], inOrder: true });
      job.join("a");
      expect(job.join("b")).toEqual([]);
      expect(stand(job, false)).toEqual(["withdraw c0 a moved", "lease c0 b 2"]);
    });

    it("is not judged by the time in which it was paused", () => {
      const job = begin({ costs: [1, 1, 1, 1] });
      job.join("a");
      stand(job, false);
      for (let at = 10_000; at <= 1_300_000; at += 10_000) {
        job.say({ type: "heartbeat", donor: "a" }, at);
        job.say({ type: "tick" }, at);
      }
      job.say({ type: "donor-availability", donor: "a", open: true }, 1_300_000);
      expect(job.rendered("c0", "a", 1_300_001)).toContain("fetch c0 a");
    });
  });
});

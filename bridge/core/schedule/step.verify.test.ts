import type { VerifyLevel } from "../job/option-schemas.ts";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../kernel/ids.ts";
import { claimForDelivery } from "./checks.ts";
import { planOf } from "./fixtures/plan-of.ts";
import { LEASE_LIMITS } from "../../protocols/lease/messages.ts";
import { mustCheck } from "./must-check.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { startSchedule } from "./schedule.ts";
import { stepSchedule } from "./step.ts";
import type { ScheduleEffect, ScheduleEvent, SchedulePolicy, Verdict } from "./types.ts";

function begin(chunks: number, verify: VerifyLevel, journalState?: Parameters<typeof startSchedule>[1]) {
  const policy: SchedulePolicy = { ...DEFAULT_POLICY, verify, secret: "s", spotOneIn: 1_000_000 };
  let schedule = startSchedule(planOf({ costs: Array.from({ length: chunks }, () => 1) }), journalState);
  const say = (event: ScheduleEvent): readonly ScheduleEffect[] => {
    const turn = stepSchedule(schedule, event, policy);
    schedule = turn.schedule;
    return turn.effects;
  };
  const join = (donor: string, trusted = false) => say({ type: "donor-joined", nowMs: 0, donor, slots: 8, trusted, sameClass: true });
  const deliver = (chunk: string, donor: string, suspicious = false) => {
    say({ type: "chunk-rendered", nowMs: 0, chunk, donor, seconds: 1 });
    return say({ type: "result-fetched", nowMs: 0, chunk, donor, sha256: sha256(Buffer.from(chunk)), suspicious }).map(
      ({ type }) => type,
    )[0];
  };
  const verdict = (chunk: string, donor: string, found: Verdict) => say({ type: "result-checked", nowMs: 0, chunk, donor, verdict: found });
  const claim = (chunk: string) => claimForDelivery(schedule, [chunk]);
  return { say, join, deliver, verdict, claim };
}

describe("a donor that renders faster than its results are settled", () => {
  /** Everything is rendered at once, and nothing is fetched. */
  function rush(slots: number) {
    const job = begin(5_000, "spot");
    const rendered: string[] = [];
    let news = job.say({ type: "donor-joined", nowMs: 0, donor: "a", slots, trusted: false, sameClass: true });
    const leased = (effects: readonly ScheduleEffect[]) => effects.flatMap((effect) => (effect.type === "lease" ? [effect.chunk] : []));
    for (let waiting = leased(news); waiting.length > 0; ) {
      const chunk = waiting.shift() as string;
      rendered.push(chunk);
      news = job.say({ type: "chunk-rendered", nowMs: 0, chunk, donor: "a", seconds: 0.01 });
      waiting = [...waiting, ...leased(news)];
    }
    return { job, rendered };
  }

  it("gets no new chunk until a result is settled", () => {
    const { job, rendered } = rush(1);
    expect(rendered.length).toBeLessThan(25);
    const settled = rendered.slice(0, 4).flatMap((chunk, index) => {
      job.deliver(chunk, "a");
      if (index < 2) return job.verdict(chunk, "a", "equal"); // the others are accepted unchecked
      return job.say({ type: "heartbeat", nowMs: 0, donor: "a" });
    });
    expect(settled.filter(({ type }) => type === "lease").length).toBeGreaterThan(0);
  });

  it("never holds more leases than its own limit, however many slots it has", () => {
    expect(rush(256).rendered.length).toBeLessThan(LEASE_LIMITS.maxLeasesInFlight);
  });
});

describe("verification", () => {
  it("checks the first two results of a stranger, and suspicious ones", () => {
    const job = begin(6, "spot");
    job.join("a");
    expect(["c0", "c1", "c2"].map((chunk) => job.deliver(chunk, "a"))).toEqual(["check", "check", "accept"]);
    expect(job.deliver("c3", "a", true)).toBe("check");
  });

  it("checks every result with 'full', only suspicious ones with 'off', and never this machine's own", () => {
    const full = begin(6, "full");
    full.join("a");
    expect(["c0", "c1", "c2"].map((chunk) => full.deliver(chunk, "a"))).toEqual(["check", "check", "check"]);
    const off = begin(6, "off");
    off.join("a");
    expect([off.deliver("c0", "a"), off.deliver("c1", "a", true)]).toEqual(["accept", "check"]);
    const local = begin(6, "full");
    local.join("here", true);
    expect(local.deliver("c0", "here", true)).toBe("accept");
  });

  it("accepts a checked result only after its verdict", () => {
    const job = begin(3, "spot");
    job.join("a");
    job.deliver("c0", "a");
    expect(job.verdict("c0", "a", "warned")).toContainEqual(expect.objectContaining({ type: "accept", chunk: "c0", checked: true }));
  });

  it("keeps a result that is being checked when its donor leaves", () => {
    const job = begin(1, "full");
    job.join("a");
    job.deliver("c0", "a");
    job.say({ type: "donor-left", nowMs: 1, donor: "a", reason: "gone" });
    expect(job.verdict("c0", "a", "equal").map(({ type }) => type)).toEqual(["accept", "job-ended"]);
  });

  it("bans a donor on a mismatch at once, withdraws its chunks and checks its earlier results", () => {
    const job = begin(10, "spot");
    job.join("liar");
    for (const chunk of ["c0", "c1", "c2", "c3"]) job.deliver(chunk, "liar");
    expect(job.claim("c3")).toBe(false); // while its donor's first results are checked
    for (const chunk of ["c0", "c1"]) job.verdict(chunk, "liar", "equal");
    expect(job.claim("c3")).toBe(true);
    job.deliver("c4", "liar", true);
    const caught = job.verdict("c4", "liar", "different");
    expect(caught[0]).toEqual({ type: "ban-donor", donor: "liar", reason: "mismatch" });
    expect(caught.filter(({ type }) => type === "withdraw")).toHaveLength(5);
    expect(caught.filter(({ type }) => type === "check")).toEqual([{ type: "check", chunk: "c2", donor: "liar" }]);
    expect(job.join("liar")).toEqual([{ type: "ban-donor", donor: "liar", reason: "mismatch" }]);
    expect(job.verdict("c2", "liar", "different")).toEqual([{ type: "revoke", chunk: "c2", donor: "liar" }]);
    expect(job.claim("c2")).toBe(false);
    expect(job.join("honest").filter(({ type }) => type === "lease")).toHaveLength(7);
  });

  it("waits for no banned donor: the others' failures settle a chunk", () => {
    const job = begin(1, "full");
    job.join("liar");
    job.join("other");
    job.deliver("c0", "liar");
    const fail = () =>
      job
        .say({ type: "chunk-failed", nowMs: 0, chunk: "c0", donor: "other", code: "BLENDER_CRASHED", kind: "task" })
        .map(({ type }) => type);
    expect(job.verdict("c0", "liar", "different").map(({ type }) => type)).toEqual(["ban-donor", "lease"]);
    expect(fail()).toEqual(["lease"]);
    expect(fail()).toEqual(["chunk-dead", "job-ended"]);
  });

  it("does not end while a banned donor's earlier results are being checked", () => {
    const job = begin(4, "spot");
    job.join("a");
    job.deliver("c0", "a");
    job.deliver("c1", "a");
    job.deliver("c2", "a");
    job.verdict("c0", "a", "equal");
    job.verdict("c1", "a", "different");
    job.join("here", true);
    job.deliver("c1", "here");
    job.deliver("c3", "here");
    expect(job.verdict("c2", "a", "equal").map(({ type }) => type)).toEqual(["job-ended"]);
  });

  it("keeps bans for a mismatch when the job is resumed, and gives other donors a new chance", () => {
    const journalState = {
      accepted: new Map(),
      dead: new Map(),
      finishedFrames: new Map(),
      banned: new Map([
        ["liar", "mismatch"],
        ["tired", "task"],
      ] as const),
    };
    const job = begin(1, "off", journalState);
    expect(job.join("liar")).toEqual([{ type: "ban-donor", donor: "liar", reason: "mismatch" }]);
    expect(job.join("tired").map(({ type }) => type)).toEqual(["lease"]);
  });
});

describe("mustCheck", () => {
  /** Results of a donor after its first ones, chosen for a check or not. */
  function draw(secret: string, results: readonly { readonly chunk: string; readonly sha256: string }[]): boolean[] {
    const policy = { ...DEFAULT_POLICY, verify: "spot", secret } as const;
    return results.map((result) => mustCheck({ ...result, trusted: false, nth: 9, suspicious: false }, policy));
  }

  it.each([
    ["different results", (index: number) => ({ chunk: "c", sha256: String(index) })],
    ["one file for every chunk", (index: number) => ({ chunk: String(index), sha256: "black" })],
  ])("draws about one in ten of %s, by the secret", (_, resultOf) => {
    const results = Array.from({ length: 2_000 }, (__, index) => resultOf(index));
    const hits = draw("one", results).filter(Boolean).length;
    expect(hits).toBeGreaterThan(150);
    expect(hits).toBeLessThan(250);
    expect(draw("one", results)).toEqual(draw("one", results));
    expect(draw("two", results)).not.toEqual(draw("one", results));
  });

  /** c0 is late at a, backed up by b, whose result is being checked when a's is accepted. */
  function lateBackup(verify: VerifyLevel = "spot") {
    const job = begin(1, verify);
    job.join("a", true);
    job.join("b");
    const effects = ["a", "b"].flatMap((donor) => job.say({ type: "heartbeat", nowMs: 6_000, donor }));
    expect(effects).toContainEqual(expect.objectContaining({ type: "lease", donor: "b" }));
    expect(job.deliver("c0", "b")).toBe("check");
    return job;
  }

  it("ends a job only after the verdict on a backup that came second", () => {
    const job = lateBackup();
    job.say({ type: "chunk-rendered", nowMs: 7_000, chunk: "c0", donor: "a", seconds: 7 });
    const fetched = { type: "result-fetched", nowMs: 7_000, chunk: "c0", donor: "a", sha256: "x", suspicious: false } as const;
    expect(job.say(fetched).map(({ type }) => type)).toEqual(["accept"]);
    expect(job.verdict("c0", "b", "equal")).toEqual([{ type: "job-ended", outcome: "complete" }]);
  });

  it("counts no failure for a check that could not be made, and leases the chunk to another donor", () => {
    const job = begin(1, "full");
    job.join("a");
    job.join("b");
    job.deliver("c0", "a");
    const effects = job.say({ type: "result-refused", nowMs: 1, chunk: "c0", donor: "a", code: "CHECK_FAILED" });
    expect(effects).toEqual([expect.objectContaining({ type: "lease", chunk: "c0", donor: "b" })]);
  });

  it("gives up a chunk whose results cannot be checked, whichever donor renders it, with that reason", () => {
    const job = begin(1, "full");
    for (const donor of ["a", "b"]) job.join(donor);
    job.deliver("c0", "a");
    job.say({ type: "result-refused", nowMs: 1, chunk: "c0", donor: "a", code: "CHECK_FAILED" });
    job.deliver("c0", "b");
    const effects = job.say({ type: "result-refused", nowMs: 2, chunk: "c0", donor: "b", code: "CHECK_FAILED" });
    expect(effects).toEqual([
      { type: "chunk-dead", chunk: "c0", code: "CHECK_FAILED" },
      { type: "job-ended", outcome: "incomplete" },
    ]);
  });

  it("revokes a banned donor's results when they cannot be checked", () => {
    const job = begin(4, "spot");
    for (const donor of ["liar", "b"]) job.join(donor);
    job.deliver("c0", "liar");
    job.deliver("c1", "liar");
    job.deliver("c2", "liar");
    job.verdict("c0", "liar", "different");
    const effects = job.say({ type: "result-refused", nowMs: 1, chunk: "c2", donor: "liar", code: "CHECK_FAILED" });
    expect(effects).toContainEqual({ type: "revoke", chunk: "c2", donor: "liar" });
  });
});

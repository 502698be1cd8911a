import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DonorId } from "../chunk.ts";
import { sha256 } from "../../kernel/ids.ts";
import { ObservedJob } from "./fixtures/observed-job.ts";
import { planOf, type PlanShape } from "./fixtures/plan-of.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { startSchedule } from "./schedule.ts";
import { step } from "./step.ts";
import type { ScheduleEvent, SchedulePolicy, VerifyLevel } from "./types.ts";

const RUNS = { numRuns: 500 } as const;
/** Never fails, never lies, comes when the storm is over. */
const HONEST: DonorId = "honest";
/** Sends no heartbeats. */
const SILENT: DonorId = "d4";

const aim = { who: fc.nat(4), what: fc.nat(59), waitMs: fc.oneof({ weight: 8, arbitrary: fc.nat(2_000) }, { weight: 1, arbitrary: fc.nat(40_000) }) };
const deed = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("join" as const), slots: fc.integer({ min: 1, max: 3 }), trusted: fc.boolean(), ...aim }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), ...aim }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("render" as const), ...aim }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("fetch" as const), suspicious: fc.nat(9).map((lot) => lot === 0), ...aim }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const), code: fc.constantFrom("EXR_INVALID" as const, "PEER_UNREACHABLE" as const), ...aim }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("check" as const), verdict: fc.constantFrom("equal" as const, "equal" as const, "equal" as const, "warned" as const, "different" as const), ...aim }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fail" as const), kind: fc.constantFrom("task" as const, "transport" as const, "refused" as const), ...aim }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("heartbeat" as const, "tick" as const), ...aim }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("pause" as const, "resume" as const, "deliver" as const), ...aim }) },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

const history = fc.record({
  costs: fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 20, size: "max" }),
  inOrder: fc.boolean(),
  verify: fc.constantFrom<VerifyLevel>("off", "spot", "full"),
  deeds: fc.array(deed, { minLength: 1, maxLength: 150, size: "max" }),
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** Turns a deed into an event: mostly about something that is going on, sometimes about nothing at all. */
function eventOf(job: ObservedJob, act: Deed, nowMs: number): ScheduleEvent {
  const chunks = [...job.books.keys()];
  const phase = { render: "leased", fail: "leased", fetch: "fetching", refuse: "fetching", check: "checking" }[act.do as "render"] ?? "";
  const going = [...job.books].flatMap(([chunk, book]) => [...book.holders].filter(([, at]) => at === phase).map(([donor]) => ({ chunk, donor })));
  const rechecks = act.do === "check" ? [...job.books].flatMap(([chunk, { rechecking, accepted }]) => (rechecking && accepted ? [{ chunk, donor: accepted.donor }] : [])) : [];
  const live = [...going, ...rechecks];
  const stray = { chunk: chunks[act.what % chunks.length] as string, donor: `d${act.who}` };
  const { chunk, donor } = (act.what % 12 === 11 ? undefined : live[act.what % Math.max(1, live.length)]) ?? stray;
  switch (act.do) {
    case "join":
      return { type: "donor-joined", nowMs, donor: `d${act.who}`, slots: act.slots, trusted: act.trusted && act.who === 0, sameClass: true };
    case "leave":
      return { type: "donor-left", nowMs, donor: `d${act.who}`, because: "gone" };
    case "render":
      return { type: "chunk-rendered", nowMs, chunk, donor, seconds: act.what / 10 };
    case "fetch":
      return { type: "result-fetched", nowMs, chunk, donor, sha256: sha256(Buffer.from(chunk + donor)), suspicious: act.suspicious };
    case "refuse":
      return { type: "result-refused", nowMs, chunk, donor, code: act.code };
    case "check":
      return { type: "result-checked", nowMs, chunk, donor, verdict: job.donors.get(donor)?.trusted ? "equal" : act.verdict };
    case "fail":
      return { type: "chunk-failed", nowMs, chunk, donor, code: "BLENDER_CRASHED", kind: act.kind };
    case "heartbeat":
      return { type: "heartbeat", nowMs, donor: `d${act.who}` };
    case "deliver":
      return { type: "chunks-delivered", nowMs, chunks: [chunk] };
    case "tick":
    case "pause":
    case "resume":
      return { type: act.do, nowMs };
  }
}

function policyOf(verify: VerifyLevel): SchedulePolicy {
  return { ...DEFAULT_POLICY, verify, secret: "a secret" };
}

function storm({ costs, inOrder, verify, deeds }: History): { readonly job: ObservedJob; readonly nowMs: number } {
  const job = new ObservedJob({ costs, inOrder }, policyOf(verify));
  let nowMs = 0;
  for (const act of deeds) {
    nowMs += act.waitMs;
    for (const [donor, { here }] of job.donors) if (here && donor !== SILENT) job.say({ type: "heartbeat", nowMs, donor });
    job.say(eventOf(job, act, nowMs));
  }
  return { job, nowMs };
}

/** After the storm: everybody else falls silent, one honest donor works, what is asked for is answered. */
function calm(job: ObservedJob, from: number): void {
  let nowMs = from;
  const answer = (): ScheduleEvent | undefined => {
    for (const [chunk, { holders, rechecking, accepted }] of job.books) {
      if (rechecking && accepted) return { type: "result-checked", nowMs, chunk, donor: accepted.donor, verdict: "different" };
      for (const [donor, phase] of holders) {
        if (phase === "checking") return { type: "result-checked", nowMs, chunk, donor, verdict: donor === HONEST ? "equal" : "different" };
        if (phase === "fetching" && donor !== HONEST) return { type: "result-refused", nowMs, chunk, donor, code: "PEER_UNREACHABLE" };
        if (phase === "fetching") return { type: "result-fetched", nowMs, chunk, donor, sha256: sha256(Buffer.from(chunk)), suspicious: false };
        if (phase === "leased" && donor === HONEST) return { type: "chunk-rendered", nowMs, chunk, donor, seconds: 1 };
      }
    }
    return undefined;
  };
  job.say({ type: "resume", nowMs });
  job.say({ type: "donor-joined", nowMs, donor: HONEST, slots: 1, trusted: false, sameClass: true });
  for (let round = 0; round < 2_000 && job.ended === undefined; round++) {
    nowMs += 1_000;
    job.say({ type: "heartbeat", nowMs, donor: HONEST });
    job.say(answer() ?? { type: "tick", nowMs });
    job.say({ type: "tick", nowMs });
  }
}

describe("step, over random histories", () => {
  it("keeps every promise that is written down in the observed job", () => {
    fc.assert(fc.property(history, (past) => void storm(past)), RUNS);
  });

  it("ends every job once an honest donor can work, whatever went on before", () => {
    fc.assert(
      fc.property(history, (past) => {
        const { job, nowMs } = storm(past);
        calm(job, nowMs);
        expect(job.ended).toBeDefined();
      }),
      RUNS,
    );
  });

  it("answers the same events, read back from JSON, with the same effects", () => {
    fc.assert(
      fc.property(history, (past) => {
        const { job } = storm(past);
        const events = JSON.parse(JSON.stringify(job.events)) as ScheduleEvent[];
        const shape: PlanShape = { costs: past.costs, inOrder: past.inOrder };
        let schedule = startSchedule(planOf(shape));
        const effects = events.flatMap((event) => {
          const turn = step(schedule, event, job.policy);
          schedule = turn.schedule;
          return turn.effects;
        });
        expect(effects).toEqual(job.effects);
      }),
      RUNS,
    );
  });

  it("goes on from a journal without rendering accepted chunks again", () => {
    fc.assert(
      fc.property(history, (past) => {
        const { job } = storm(past);
        const accepted = new Map([...job.books].flatMap(([chunk, book]) => (book.accepted ? [[chunk, { type: "chunk-accepted", chunk, sha256: "", files: [], ...book.accepted }] as const] : [])));
        let schedule = startSchedule(planOf(past), { accepted, dead: new Map(), barred: new Map(), finishedFrames: new Map() });
        const events: ScheduleEvent[] = [{ type: "donor-joined", nowMs: 0, donor: HONEST, slots: 99, trusted: true, sameClass: true }];
        const leased = new Set<string>();
        for (let event = events.shift(); event; event = events.shift()) {
          const turn = step(schedule, event, job.policy);
          schedule = turn.schedule;
          for (const effect of turn.effects) {
            if (effect.type === "lease") leased.add(effect.chunk);
            if (effect.type === "lease") events.push({ type: "chunk-rendered", nowMs: 0, chunk: effect.chunk, donor: HONEST, seconds: 1 });
            if (effect.type === "fetch") events.push({ type: "result-fetched", nowMs: 0, chunk: effect.chunk, donor: HONEST, sha256: "x", suspicious: false });
          }
        }
        expect(leased).toEqual(new Set([...job.books.keys()].filter((chunk) => !accepted.has(chunk))));
        expect(schedule.ended).toBe("complete");
      }),
      RUNS,
    );
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import type { ScheduleEffect } from "../../core/schedule/types.ts";
import type { FrameDelivery } from "../delivery/frame-delivery.ts";
import type { DonorLink } from "../donors/donor-link.ts";
import type { JobDonors } from "../donors/job-donors.ts";
import { type ObservedRun, observedRun } from "../fixtures/observed-run.ts";
import { carryOut, type EffectParts } from "./effects.ts";
import { JobBackgroundTasks } from "./job-tasks.ts";

/** A name, a number, or a chunk, which is shown by its id. */
type Argument = string | number | Pick<Chunk, "id">;

let run: ObservedRun;
let calls: string[];
let parts: EffectParts;
let failures: unknown[];

beforeEach(() => {
  run = observedRun(planOf({ costs: [1] }).chunks);
  run.context.report.stats.nameDonor("a", "studio");
  [calls, failures] = [[], []];
  const note =
    (name: string) =>
    (...args: readonly Argument[]) =>
      void calls.push([name, ...args.map((each) => (typeof each === "object" ? each.id : each))].join(" "));
  const later =
    (name: string) =>
    async (...args: readonly Argument[]) =>
      note(name)(...args);
  const donors = {
    get: (donor: string) => (donor === "a" ? ({ id: "a", trusted: false } as DonorLink) : undefined),
    lease: note("lease"),
    withdraw: note("withdraw"),
    release: note("release"),
    ban: note("ban"),
  };
  parts = {
    donors: donors as unknown as JobDonors,
    results: {
      receiver: {
        take: async () => {
          note("take")("c0");
          return undefined;
        },
        withPreview: async () => undefined,
      },
      preview: { add: async () => "" },
    },
    checks: {
      checker: { check: async () => "equal" },
      receiver: { classOf: () => undefined, files: () => [] },
      sameClass: () => true,
    },
    delivery: { accept: later("accept"), revoke: later("revoke"), giveUp: later("giveUp") } as unknown as FrameDelivery,
    tasks: new JobBackgroundTasks({ nowMs: () => 0, failed: (error) => failures.push(error) }),
    context: run.context,
  };
});

async function carried(effect: ScheduleEffect): Promise<readonly string[]> {
  carryOut(effect, parts);
  await parts.tasks.settle();
  return calls;
}

describe("each effect is performed by one part", () => {
  it.each<[ScheduleEffect, readonly string[]]>([
    [{ type: "lease", chunk: "c0", donor: "a", attempt: 2 }, ["lease c0 a 2"]],
    [{ type: "withdraw", chunk: "c0", donor: "a", reason: "moved" }, ["withdraw c0 a moved"]],
    [{ type: "fetch", chunk: "c0", donor: "a" }, ["take c0"]],
    [{ type: "accept", chunk: "c0", donor: "a", sha256: "ab", checked: false }, ["release c0 a", "accept c0 a"]],
    [{ type: "revoke", chunk: "c0", donor: "a" }, ["revoke c0"]],
    [{ type: "ban-donor", donor: "a", reason: "mismatch" }, ["ban a mismatch"]],
    [{ type: "chunk-dead", chunk: "c0", code: "BLENDER_CRASHED" }, ["giveUp c0 BLENDER_CRASHED"]],
    [{ type: "job-ended", outcome: "complete" }, []],
  ])("%o", async (effect, expected) => expect(await carried(effect)).toEqual(expected));

  it("a check sends its verdict to the schedule", async () => {
    await carried({ type: "check", chunk: "c0", donor: "a" });
    expect(run.told).toEqual([{ type: "result-checked", chunk: "c0", donor: "a", verdict: "equal" }]);
  });
});

it("a fetch from a donor that has left fails at once", async () => {
  expect(await carried({ type: "fetch", chunk: "c0", donor: "gone" })).toEqual([]);
  expect(run.told).toEqual([{ type: "result-refused", chunk: "c0", donor: "gone", code: "PEER_UNREACHABLE" }]);
});

it("long tasks are named by chunk and donor, for the message about what the job waits for", () => {
  carryOut({ type: "accept", chunk: "c0", donor: "a", sha256: "ab", checked: true }, parts);
  expect(parts.tasks.waits).toMatchObject([{ what: "the assembly of chunk c0 of studio", kind: "other" }]);
});

it("an effect on an unknown chunk is a bug", () => {
  expect(() => carryOut({ type: "check", chunk: "c9", donor: "a" }, parts)).toThrow("no chunk c9");
});

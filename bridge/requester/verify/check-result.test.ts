import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk, DeviceClass, ResultFile } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import type { Verdict } from "../../core/schedule/types.ts";
import { FarmError } from "../../kernel/errors.ts";
import { type ObservedRun, observedRun } from "../fixtures/observed-run.ts";
import { checkResult } from "./check-result.ts";

const HERE: DeviceClass = { blenderVersion: "3.4.1", buildHash: "b", backend: "CPU", arch: "avx2" };
const [chunk] = planOf({ costs: [1] }).chunks as [Chunk];
const files: readonly ResultFile[] = [{ role: "raw", name: "f.exr", sha256: "ab", bytes: 1 }];

let run: ObservedRun;
let asked: { readonly donor: string; readonly files: readonly ResultFile[]; readonly sameClass: boolean }[];
beforeEach(() => {
  run = observedRun([chunk]);
  asked = [];
});

/** Checks a result; the answers come one after the other, an error is thrown. */
async function check(answers: readonly (Verdict | Error)[], deviceClass: DeviceClass | null = HERE): Promise<void> {
  const left = [...answers];
  const checker = {
    check: async (_chunk: Chunk, { donor, files: given }: { donor: string; files: readonly ResultFile[] }, sameClass: boolean) => {
      asked.push({ donor, files: given, sameClass });
      const answer = left.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("asked too often");
      return answer;
    },
  };
  const receiver = { classOf: () => deviceClass ?? undefined, files: () => files };
  await checkResult({ checker, receiver, sameClass: ({ arch }) => arch === HERE.arch }, run.context, chunk, "a");
}

describe("a check", () => {
  it.each(["equal", "warned", "different"] as const)("that finds %s sends it to the schedule and as an event", async (verdict) => {
    await check([verdict]);
    expect(run.told).toEqual([{ type: "result-checked", chunk: "c0", donor: "a", verdict }]);
    expect(run.events).toEqual([{ event: "chunk-checked", chunk: "c0", donor: "a", verdict }]);
  });

  it("compares the files that the donor committed to", async () => {
    await check(["equal"]);
    expect(asked).toEqual([{ donor: "a", files, sameClass: true }]);
  });

  it("knows whether the result has this machine's device class; an unknown class is another one", async () => {
    await check(["equal"], { ...HERE, arch: "neon" });
    await check(["equal"], null);
    expect(asked.map(({ sameClass }) => sameClass)).toEqual([false, false]);
  });

  it("that fails once is repeated", async () => {
    await check([new Error("Blender crashed"), "equal"]);
    expect(run.told).toMatchObject([{ type: "result-checked", verdict: "equal" }]);
  });

  it("that fails twice accepts nothing: the result is rejected, and the chunk rendered by another donor", async () => {
    await check([new Error("Blender crashed"), new Error("it crashed again")]);
    expect(run.told).toEqual([{ type: "result-refused", chunk: "c0", donor: "a", code: "CHECK_FAILED" }]);
    expect(run.events).toMatchObject([{ event: "chunk-failed", code: "CHECK_FAILED", message: "it crashed again" }]);
    expect(run.failures).toEqual([]);
  });

  it.each(["SCENE_CHANGED", "DISK_FULL"] as const)("that this machine can never do (%s) ends the run at once", async (code) => {
    await check([new FarmError(code, "x"), "equal"]);
    expect(run.failures).toMatchObject([{ code }]);
    expect(asked).toHaveLength(1);
  });

  it("is ignored when the run has ended meanwhile", async () => {
    run.end();
    await check([new Error("aborted")]);
    expect([run.told, run.events, asked.length]).toEqual([[], [], 1]);
  });
});

import { describe, expect, it } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { IdleBenchmark } from "./idle-benchmark.ts";

function measuring() {
  let nowMs = 0;
  const state = { quiet: true, measured: 0, aborted: 0, fails: false, end: () => {} };
  const idle = new IdleBenchmark({
    devices: {
      get wantsMeasure() {
        return state.measured === 0;
      },
      measureCpu: async (signal) =>
        await new Promise<void>((resolve, reject) => {
          if (state.fails) return reject(new Error("no Blender"));
          signal.addEventListener("abort", () => reject(new Error(`aborted ${++state.aborted}`)));
          state.end = () => {
            state.measured++;
            resolve();
          };
        }),
    },
    isQuiet: () => state.quiet,
    clock: { now: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} },
    log: silentLog,
  });
  const pass = async (ms: number) => {
    nowMs += ms;
    idle.turn();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { state, pass, idle };
}

describe("the benchmark of an idle donor", () => {
  it("waits until the machine was idle for a while, and runs once", async () => {
    const { state, pass } = measuring();
    await pass(0);
    await pass(4_000);
    state.end();
    expect(state.measured).toBe(0);
    await pass(2_000);
    state.end();
    await pass(60_000);
    expect(state.measured).toBe(1);
  });

  it("stops when a job or the owner needs the machine, and tries again later", async () => {
    const { state, pass } = measuring();
    await pass(0);
    await pass(6_000);
    state.quiet = false;
    await pass(100);
    expect(state.aborted).toBe(1);
    state.quiet = true;
    await pass(100);
    await pass(6_000);
    state.end();
    expect(state.measured).toBe(1);
  });

  it("gives up after repeated failures", async () => {
    const { state, pass } = measuring();
    state.fails = true;
    await pass(0);
    await pass(6_000);
    state.fails = false;
    await pass(6_000);
    state.end();
    expect(state.measured).toBe(0);
  });

  it("stops with the donor", async () => {
    const { state, pass, idle } = measuring();
    await pass(0);
    await pass(6_000);
    await idle[Symbol.asyncDispose]();
    expect(state.aborted).toBe(1);
  });
});

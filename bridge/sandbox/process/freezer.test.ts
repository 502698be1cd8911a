import { describe, expect, it } from "vitest";
import { processStat } from "../../kernel/process-identity.ts";
import { type Freezable, Freezer } from "./freezer.ts";
import { startPlainProcess } from "./process-sandbox.ts";
import { until } from "../../test/time/until.ts";

const spin = { command: process.execPath, args: ["-e", "while (true);"], env: {} };

/** Ticks of CPU time (1/100 s) that a process has used. */
async function ticksUsed(pid: number | undefined): Promise<number> {
  return (await processStat(pid ?? 0))?.ticks ?? Number.NaN;
}

async function usedDuring(pid: number | undefined, ms: number): Promise<number> {
  const before = await ticksUsed(pid);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return (await ticksUsed(pid)) - before;
}

/** It is running: its CPU time grows. */
async function untilItWorks(pid: number | undefined): Promise<void> {
  const before = await ticksUsed(pid);
  await until(async () => (await ticksUsed(pid)) > before);
}

describe.runIf(process.platform === "linux")("a freezer", () => {
  it("stops real processes at once, and resumes them", async () => {
    const freezer = new Freezer();
    const running = await freezer.watch(startPlainProcess)(spin);
    try {
      await untilItWorks(running.pid);
      expect(await freezer.freeze()).toBe(0);
      expect(await usedDuring(running.pid, 500)).toBe(0);
      await freezer.thaw();
      await untilItWorks(running.pid);
    } finally {
      running.kill();
      await running.exited;
    }
    expect(freezer.size).toBe(0);
  });

  it("stops processes that start while it is paused, and can end them", async () => {
    const freezer = new Freezer();
    await freezer.freeze();
    const running = await freezer.watch(startPlainProcess)(spin);
    expect(await usedDuring(running.pid, 300)).toBeLessThanOrEqual(2);
    running.kill();
    await running.exited;
  });
});

it("reports how many processes it cannot stop", async () => {
  const freezer = new Freezer();
  const start = freezer.watch(async (): Promise<Freezable> => ({ exited: new Promise(() => {}) }));
  await start(undefined);
  await start(undefined);
  expect(await freezer.freeze()).toBe(2);
});

import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { processStat } from "../../kernel/process-identity.ts";
import { startLowPriority, atLowPriority } from "./low-priority.ts";
import { startPlainProcess } from "./process-sandbox.ts";
import { until } from "../../test/time/until.ts";

const blender = { command: "/opt/blender", args: ["-b", "a b.blend"], cwd: "/tmp" };

describe("atLowPriority", () => {
  it("starts the command by tools that exec it in the same process", () =>
    expect(atLowPriority(blender, { nice: "nice", ionice: "ionice" })).toEqual({
      command: "nice",
      args: ["-n", "19", "ionice", "-c", "3", "/opt/blender", "-b", "a b.blend"],
      cwd: "/tmp",
    }));
  it("returns the command unchanged when there are no tools", () =>
    expect(atLowPriority(blender, { nice: undefined, ionice: undefined })).toEqual(blender));
});

/** CPU seconds that a process has used, without children. */
async function secondsUsed(pid: number): Promise<number> {
  return ((await processStat(pid))?.ticks ?? Number.NaN) / 100;
}

describe.runIf(process.platform === "linux")("startLowPriority", () => {
  it("lowers the priority of all its threads, and of its session", async () => {
    await using running = await spinning(startLowPriority(startPlainProcess));
    expect(await processStat(running.pid)).toMatchObject({ nice: 19 });
    expect(await readFile(`/proc/${running.pid}/autogroup`, "utf8").catch(() => "nice 19")).toContain("nice 19");
  });

  it("gets almost no time beside other work on the same core", async () => {
    await using gentle = await spinning(startLowPriority(startPlainProcess));
    await using loud = await spinning(startPlainProcess);
    const before = [await secondsUsed(gentle.pid), await secondsUsed(loud.pid)] as const;
    await until(async () => (await secondsUsed(loud.pid)) - before[1] > 1);
    const weak = (await secondsUsed(gentle.pid)) - before[0];
    const strong = (await secondsUsed(loud.pid)) - before[1];
    expect(weak / strong).toBeLessThan(0.1);
  });
});

/** A process that uses core 0 fully. */
async function spinning(start: typeof startPlainProcess) {
  const spin = { command: "taskset", args: ["-c", "0", process.execPath, "-e", "while (true);"], env: { PATH: process.env["PATH"] ?? "" } };
  const running = await start(spin);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const stop = async () => {
    running.kill();
    await running.exited;
  };
  return { pid: running.pid ?? 0, [Symbol.asyncDispose]: stop };
}

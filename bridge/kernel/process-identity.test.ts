import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { processBirthOf, isRunning, parseProcessStat, processStat } from "./process-identity.ts";

const LINE =
  "4711 (a) b (c) S 12 4711 4711 0 -1 4194304 900 0 0 0 250 31 0 0 20 19 8 0 123456 1000000 500 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";

it("reads a stat line whose process name holds brackets and spaces, and rejects anything else", () => {
  expect(parseProcessStat(LINE)).toEqual({
    pid: 4711,
    name: "a) b (c",
    state: "S",
    parent: 12,
    ticks: 281,
    nice: 19,
    startTicks: "123456",
  });
  expect(parseProcessStat("")).toBeUndefined();
  expect(parseProcessStat("cpu  1 2 3")).toBeUndefined();
});

describe.runIf(process.platform === "linux")("of this machine's processes", () => {
  it("this process has a start time that does not change", async () => {
    const birth = await processBirthOf(process.pid);
    expect(birth).toMatchObject({ startTicks: expect.stringMatching(/^\d+$/), boot: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await processBirthOf(process.pid)).toEqual(birth);
    expect(await processStat(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid });
  });

  it("a process that has ended is not alive, and has no start time", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    const pid = child.pid as number;
    expect(isRunning(pid)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(isRunning(pid)).toBe(false);
    expect(await processBirthOf(pid)).toBeUndefined();
  });
});

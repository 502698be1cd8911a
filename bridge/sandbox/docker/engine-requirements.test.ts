import { describe, expect, it } from "vitest";
import { engineFaults, runtimeAge } from "./engine-requirements.ts";

const GOOD = { MemoryLimit: true, SwapLimit: true, CpuCfsQuota: true, PidsLimit: true, OSType: "linux", CgroupDriver: "systemd" };

describe("an engine for untrusted files", () => {
  it("is accepted when it can limit memory, CPU and processes; a swap limit is not needed", () => {
    expect(engineFaults(GOOD)).toEqual([]);
    expect(engineFaults({ ...GOOD, SwapLimit: false })).toEqual([]);
  });
  it.each([
    ["memory", { MemoryLimit: false }],
    ["CPU", { CpuCfsQuota: false }],
    ["processes", { PidsLimit: false }],
    ["rootless", { CgroupDriver: "none" }],
    ["windows", { OSType: "windows" }],
  ])("is refused when unsafe because of: %s", (word, facts) => expect(engineFaults({ ...GOOD, ...facts }).join()).toContain(word));
  it("is refused when it does not report them", () =>
    expect(engineFaults({})).toEqual(["it does not enforce container limits of memory, CPU, processes"]));
});

describe("the age of a runtime", () => {
  it.each([
    ["1.1.15", "old"],
    ["1.2.7", "old"],
    ["1.2.8", "fixed"],
    ["1.3.2", "old"],
    ["1.3.3", "fixed"],
    ["1.4.0-rc.3", "fixed"],
    ["2.0.0", "fixed"],
    ["v1.3.3", "fixed"],
    ["1.1.5+ds1-1+deb12u1", "unknown"],
    ["1.1.12-0ubuntu2~22.04.1", "unknown"],
    ["something", "unknown"],
  ])("%s is %s", (version, age) => expect(runtimeAge([{ Name: "runc", Version: version }]).age).toBe(age));
  it("is unknown when there is no runc", () =>
    expect(runtimeAge([{ Name: "crun", Version: "1.0" }])).toEqual({ age: "unknown", version: "" }));
});

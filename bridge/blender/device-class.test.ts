import { describe, expect, it } from "vitest";
import { cpuArch, deviceClassOf } from "./device-class.ts";

const AVX2 = new Set(["sse4_2", "avx2", "fma", "f16c", "bmi1", "bmi2"]);

describe("the device class of a CPU", () => {
  it.each([
    ["linux", "x64", AVX2, "avx2"],
    ["linux", "x64", new Set(["sse4_2", "avx2"]), "sse42"],
    ["linux", "x64", undefined, "avx2"],
    ["linux", "arm64", undefined, "neon"],
    ["win32", "x64", undefined, "avx2-win32"],
    ["darwin", "arm64", undefined, "neon-darwin"],
    ["linux", "riscv64", undefined, "riscv64"],
  ] as const)("%s on %s is %s", (platform, arch, flags, expected) => {
    expect(cpuArch(platform, arch, flags)).toBe(expected);
  });

  it("differs between builds", () => {
    const build = { path: "/usr/bin/blender", version: "3.4.1", buildHash: "a1b2c3", hasDenoiser: false };
    expect(deviceClassOf(build)).toMatchObject({ blenderVersion: "3.4.1", buildHash: "a1b2c3", backend: "CPU" });
  });

  it("in a container is that of the container's system", () => {
    const build = { path: "/usr/bin/blender", version: "3.4.1", buildHash: "a1b2c3", hasDenoiser: false };
    expect(deviceClassOf(build, "linux").arch).not.toContain("-");
    expect(deviceClassOf(build, "darwin").arch).toMatch(/-darwin$/);
  });
});

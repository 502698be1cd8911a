import { readFileSync } from "node:fs";
import type { DeviceClass } from "../core/plan/chunk.ts";
import type { BlenderBuild } from "./types.ts";

/** The device class of a CPU render with this build on this machine, or in a container on it. */
export function deviceClassOf(build: BlenderBuild, system: NodeJS.Platform = process.platform): DeviceClass {
  return {
    blenderVersion: build.version,
    buildHash: build.buildHash,
    backend: "CPU",
    arch: thisCpuArch(system),
  };
}

/** This machine's CPU kernel, as a Blender for `system` uses it. */
export function thisCpuArch(system: NodeJS.Platform = process.platform): string {
  return cpuArch(system, process.arch, cpuFlags());
}

/**
 * The Cycles CPU kernel that a machine uses, and the system if it is not Linux: other compilers there produce
 * other bits from the same source (MSVC has its own /fp:fast).
 *
 * `flags`: the CPU's features as Linux names them; if they are unknown (undefined) AVX2, which
 * every x64 CPU since 2015 has, is assumed. Features as in Cycles' `system_cpu_support_avx2`.
 */
export function cpuArch(platform: NodeJS.Platform, arch: string, flags: ReadonlySet<string> | undefined): string {
  const system = platform === "linux" ? "" : `-${platform}`;
  if (arch === "arm64") return `neon${system}`;
  if (arch !== "x64") return `${arch}${system}`;
  const isAvx2 = flags === undefined || ["avx2", "fma", "f16c", "bmi1", "bmi2"].every((flag) => flags.has(flag));
  return `${isAvx2 ? "avx2" : "sse42"}${system}`;
}

function cpuFlags(): ReadonlySet<string> | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
    return line === undefined ? undefined : new Set(line.trim().split(/\s+/));
  } catch {
    return undefined;
  }
}

/** What an engine reports, as far as it concerns safety. */
export interface EngineFacts {
  readonly MemoryLimit?: boolean;
  readonly SwapLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
  readonly CgroupDriver?: string;
  readonly OSType?: string;
  readonly Architecture?: string;
  /** Of the engine's own machine, which may be a virtual one. */
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  /** Its folders of device specifications. */
  readonly CDISpecDirs?: readonly string[] | null;
}

export type EngineLimit = "memory" | "swap" | "CPU" | "processes";

/** A part of an engine and its version, as `docker version` lists them. */
export interface EngineComponent {
  readonly Name: string;
  readonly Version: string;
}

/**
 * First versions of runc without the known container escapes (CVE-2025-31133, -52565, -52881; 1.1 was never fixed by its
 * makers), by minor version.
 */
const RUNC_FIXED: Readonly<Record<string, number>> = { "1.2": 8, "1.3": 3 };
const RUNC_ALL_FIXED_SINCE = [1, 4] as const;

/** Limits that an engine reports as not enforced. */
export function unenforcedLimits(facts: EngineFacts): EngineLimit[] {
  return limitsThat(facts, (enforced) => enforced === false);
}

function limitsThat(
  { MemoryLimit, SwapLimit, CpuCfsQuota, PidsLimit }: EngineFacts,
  is: (enforced: boolean | undefined) => boolean,
): EngineLimit[] {
  const limits = [
    ["memory", MemoryLimit],
    ["swap", SwapLimit],
    ["CPU", CpuCfsQuota],
    ["processes", PidsLimit],
  ] as const;
  return limits.flatMap(([limit, enforced]) => (is(enforced) ? [limit] : []));
}

/**
 * Why an engine is not safe for untrusted files; empty when it is. A limit that is not reported counts as missing; without a
 * swap limit the memory limit still applies.
 */
export function engineFaults(facts: EngineFacts): string[] {
  const unenforced = limitsThat(facts, (enforced) => enforced !== true).filter((limit) => limit !== "swap");
  return [
    ...(facts.OSType === undefined || facts.OSType === "linux" ? [] : [`it runs ${facts.OSType} containers`]),
    ...(facts.CgroupDriver === "none" ? ["it enforces no container limits (rootless without delegated control groups)"] : []),
    ...(unenforced.length === 0 ? [] : [`it does not enforce container limits of ${unenforced.join(", ")}`]),
  ];
}

export interface RuntimeAge {
  readonly age: "fixed" | "old" | "unknown";
  /** Empty without runc. */
  readonly version: string;
}

/**
 * Whether the engine's runc is free of the known container escapes. Distributions may fix old versions without changing the
 * version number, which cannot be detected: those are "unknown".
 */
export function runtimeAge(components: readonly EngineComponent[]): RuntimeAge {
  const version = components.find(({ Name }) => Name === "runc")?.Version ?? "";
  const match = /^v?(\d+)\.(\d+)\.(\d+)(.*)$/.exec(version);
  if (!match) return { age: "unknown", version };
  const [major, minor, patch] = match.slice(1, 4).map(Number) as [number, number, number];
  if (isFixed(major, minor, patch)) return { age: "fixed", version };
  const isDistributions = /[+~]|deb|ubuntu|el\d|fc\d/.test(match[4] ?? "");
  return { age: isDistributions ? "unknown" : "old", version };
}

function isFixed(major: number, minor: number, patch: number): boolean {
  const [sinceMajor, sinceMinor] = RUNC_ALL_FIXED_SINCE;
  if (major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)) return true;
  const since = RUNC_FIXED[`${major}.${minor}`];
  return since !== undefined && patch >= since;
}

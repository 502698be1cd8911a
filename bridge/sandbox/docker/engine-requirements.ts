/** What an engine says of itself, as far as it decides about safety. */
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
  /** Where it looks for device specifications. */
  readonly CDISpecDirs?: readonly string[] | null;
}

export type EngineLimit = "memory" | "swap" | "CPU" | "processes";

/** A part of an engine and its version, as `docker version` lists them. */
export interface EngineComponent {
  readonly Name: string;
  readonly Version: string;
}

/**
 * First versions of runc without the known ways out of a container (CVE-2025-31133, -52565, -52881; 1.1 was never mended by its
 * makers), by minor version.
 */
const RUNC_MENDED: Readonly<Record<string, number>> = { "1.2": 8, "1.3": 3 };
const RUNC_ALL_MENDED_SINCE = [1, 4] as const;

/** Limits that an engine says it does not enforce: a container would run without them. */
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
 * Why an engine may not be trusted with strangers' files; empty when it may. Silence about a limit counts as none; without a
 * limit of swap that of memory still holds.
 */
export function engineFaults(facts: EngineFacts): string[] {
  const unenforced = limitsThat(facts, (enforced) => enforced !== true).filter((limit) => limit !== "swap");
  return [
    ...(facts.OSType === undefined || facts.OSType === "linux" ? [] : [`it runs ${facts.OSType} containers`]),
    ...(facts.CgroupDriver === "none" ? ["it holds containers to no limits at all (rootless without delegated control groups)"] : []),
    ...(unenforced.length === 0 ? [] : [`it does not hold containers to their limit of ${unenforced.join(", ")}`]),
  ];
}

export interface RuntimeAge {
  readonly age: "mended" | "old" | "unknown";
  /** Empty where there is no runc. */
  readonly version: string;
}

/**
 * What is known of the engine's runtime: a distribution mends old versions without another number, which nobody can see from here.
 */
export function runtimeAge(components: readonly EngineComponent[]): {
  readonly age: "mended" | "old" | "unknown";
  readonly version: string;
} {
  const version = components.find(({ Name }) => Name === "runc")?.Version ?? "";
  const match = /^v?(\d+)\.(\d+)\.(\d+)(.*)$/.exec(version);
  if (!match) return { age: "unknown", version };
  const [major, minor, patch] = match.slice(1, 4).map(Number) as [number, number, number];
  if (isMended(major, minor, patch)) return { age: "mended", version };
  const isDistributions = /[+~]|deb|ubuntu|el\d|fc\d/.test(match[4] ?? "");
  return { age: isDistributions ? "unknown" : "old", version };
}

function isMended(major: number, minor: number, patch: number): boolean {
  const [sinceMajor, sinceMinor] = RUNC_ALL_MENDED_SINCE;
  if (major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)) return true;
  const mended = RUNC_MENDED[`${major}.${minor}`];
  return mended !== undefined && patch >= mended;
}

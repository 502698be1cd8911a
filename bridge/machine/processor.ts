import type { CpuInfo } from "node:os";

/** Processor time since some start, of all cores together, in milliseconds. */
export interface ProcessorTimes {
  /** Of programs at ordinary priority, and of the system. */
  readonly plainMs: number;
  readonly totalMs: number;
}

/**
 * What `os.cpus()` says, summed. Work at low priority is counted apart by the system ("nice"): foreign
 * Blenders are such work, so they are no load of others.
 */
export function processorTimes(cores: readonly Pick<CpuInfo, "times">[]): ProcessorTimes {
  let plainMs = 0;
  let totalMs = 0;
  for (const { times } of cores) {
    plainMs += times.user + times.sys + times.irq;
    totalMs += times.user + times.sys + times.irq + times.nice + times.idle;
  }
  return { plainMs, totalMs };
}

/**
 * Share of all cores that others used between two looks, 0 to 1; undefined when no time has passed. `oursMs`:
 * what this bridge itself used at ordinary priority.
 */
export function othersLoad(before: ProcessorTimes, after: ProcessorTimes, oursMs: number): number | undefined {
  const totalMs = after.totalMs - before.totalMs;
  if (totalMs <= 0) return undefined;
  return Math.min(1, Math.max(0, (after.plainMs - before.plainMs - oursMs) / totalMs));
}

import type { CpuInfo } from "node:os";

/** CPU time from an arbitrary start, of all cores together, in milliseconds. */
export interface ProcessorTimes {
  /** Of programs at ordinary priority, and of the system. */
  readonly plainMs: number;
  readonly totalMs: number;
}

/**
 * The sum of `os.cpus()`. The system counts low-priority work separately ("nice"): donated
 * Blenders are such work, so they do not count as load of others.
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
 * Share of all cores used by others between two readings, 0 to 1; undefined when no time has passed. `oursMs`:
 * this bridge's own use at normal priority.
 */
export function othersLoad(before: ProcessorTimes, after: ProcessorTimes, oursMs: number): number | undefined {
  const totalMs = after.totalMs - before.totalMs;
  if (totalMs <= 0) return undefined;
  return Math.min(1, Math.max(0, (after.plainMs - before.plainMs - oursMs) / totalMs));
}

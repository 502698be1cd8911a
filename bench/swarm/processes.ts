import { readFile } from "node:fs/promises";

/** A process's CPU seconds (without children) and peak resident memory. */
export interface Usage {
  cpuSeconds: number;
  peakBytes: number;
}

/** Linux counts CPU time in ticks of 1/100 s. */
const TICKS_PER_SECOND = 100;

/** Polls a process's use until `stop`, since it cannot be read after its end. Linux only; zero elsewhere. */
export function watchUsage(pid: number | undefined): { stop(): Usage } {
  const usage: Usage = { cpuSeconds: 0, peakBytes: 0 };
  const look = async () => {
    try {
      const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile(`/proc/${pid}/status`, "utf8")]);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      usage.cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      const peakKib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0); // a process that has just ended has none
      usage.peakBytes = Math.max(usage.peakBytes, peakKib * 1024);
    } catch {
      // it has ended: the last reading counts
    }
  };
  const timer = setInterval(() => void look(), 500);
  void look();
  return {
    stop: () => {
      clearInterval(timer);
      return usage;
    },
  };
}

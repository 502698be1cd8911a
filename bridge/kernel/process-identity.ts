import { readFile } from "node:fs/promises";

/** What tells a process from a later one of the same number. */
export interface ProcessBirth {
  /** Ticks of the machine's clock from its start to the process's. */
  readonly startTicks: string;
  /** Which start of the machine; "" where it does not say. */
  readonly boot: string;
}

/** One /proc/<pid>/stat. */
export interface ProcessStat {
  readonly pid: number;
  /** Linux cuts it to 15 characters. */
  readonly name: string;
  /** R, S, D, T, Z, … */
  readonly state: string;
  readonly parent: number;
  /** Processor time so far, in ticks. */
  readonly ticks: number;
  readonly nice: number;
  readonly startTicks: string;
}

/** Undefined for anything else. The name stands in brackets and may hold brackets and spaces. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const match = /^(\d+) \((.*)\) (\S) (\d+) (.*)$/s.exec(text.trim());
  if (match === null) return undefined;
  const [, pid, name = "", state = "", parent, others = ""] = match;
  const fields = others.split(" "); // from the fifth on, as proc(5) counts
  const [userTicks, systemTicks] = [Number(fields[9]), Number(fields[10])];
  const nice = Number(fields[14]);
  return { pid: Number(pid), name, state, parent: Number(parent), ticks: userTicks + systemTicks, nice, startTicks: fields[17] ?? "" };
}

/** From Linux's /proc; undefined for a process that is not there, and on other systems. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return parseProcessStat(text);
}

/** When a process began; undefined where nobody says. */
export async function processBirthOf(pid: number): Promise<ProcessBirth | undefined> {
  const [stat, boot] = await Promise.all([processStat(pid), readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")]);
  return stat && { startTicks: stat.startTicks, boot: boot.trim() };
}

/** Whether some process has this number now: the one that was meant, or a later one. */
export function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false; // these mean groups of processes
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

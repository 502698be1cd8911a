import { readFile } from "node:fs/promises";

/** Distinguishes a process from a later one with the same pid. */
export interface ProcessStart {
  /** Start time of the process, in clock ticks since boot. */
  readonly startTicks: string;
  /** The boot id; "" if unknown. */
  readonly boot: string;
}

/** One /proc/<pid>/stat. */
export interface ProcessStat {
  readonly pid: number;
  /** Linux truncates it to 15 characters. */
  readonly name: string;
  /** R, S, D, T, Z, … */
  readonly state: string;
  readonly parent: number;
  /** CPU time so far, in ticks. */
  readonly ticks: number;
  readonly nice: number;
  readonly startTicks: string;
}

/** Undefined for anything else. The name is in brackets and may contain brackets and spaces. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const match = /^(\d+) \((.*)\) (\S) (\d+) (.*)$/s.exec(text.trim());
  if (match === null) return undefined;
  const [, pid, name = "", state = "", parent, others = ""] = match;
  const fields = others.split(" "); // from field 5 on, as proc(5) numbers them
  const [userTicks, systemTicks] = [Number(fields[9]), Number(fields[10])];
  const nice = Number(fields[14]);
  return { pid: Number(pid), name, state, parent: Number(parent), ticks: userTicks + systemTicks, nice, startTicks: fields[17] ?? "" };
}

/** From Linux's /proc; undefined for a process that does not exist, and on other systems. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return parseProcessStat(text);
}

/** When a process started; undefined if unknown. */
export async function processBirthOf(pid: number): Promise<ProcessStart | undefined> {
  const [stat, boot] = await Promise.all([processStat(pid), readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")]);
  return stat && { startTicks: stat.startTicks, boot: boot.trim() };
}

/** Whether a process has this pid now: the same one, or a later one. */
export function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false; // these address process groups
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

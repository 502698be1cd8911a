import { readdir, readFile } from "node:fs/promises";
import { processStat } from "../../../kernel/process-identity.ts";

export interface OurProcess {
  readonly pid: number;
  readonly command: string;
}

/** All processes with a TMPDIR below this folder: bridges, and their Blenders. */
export async function processesOf(root: string): Promise<OurProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const above = await ancestors();
  const found = await Promise.all(pids.filter((pid) => !above.has(pid)).map((pid) => belongs(pid, root)));
  return found.filter((each) => each !== undefined);
}

/** The soak itself and its parents, whose commands may contain the folder. */
async function ancestors(): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 1 && !found.has(pid); ) {
    found.add(pid);
    pid = await parentOf(pid);
  }
  return found;
}

async function parentOf(pid: number): Promise<number> {
  return (await processStat(pid))?.parent ?? 0;
}

async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.replaceAll("\0", " ").trim();
}

async function belongs(pid: number, root: string): Promise<OurProcess | undefined> {
  const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  const command = await commandOf(pid);
  // A zombie has no command any more.
  if (command === "" || !environment.split("\0").some((line) => line.startsWith(`TMPDIR=${root}/`))) return undefined;
  return { pid, command: command.slice(0, 200) };
}

/** A process and all below it. */
export async function familyOf(root: number): Promise<OurProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const)));
  const isBelow = (pid: number): boolean => pid === root || (pid > 1 && isBelow(parents.get(pid) ?? 0));
  return await Promise.all(pids.filter(isBelow).map(async (pid) => ({ pid, command: await commandOf(pid) })));
}

/** Open files, pipes and sockets of a process. */
export async function handlesOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

/** The system's information about hanging processes. */
export async function describeProcesses(processes: readonly OurProcess[]): Promise<string> {
  const rows = processes.map(async ({ pid, command }) => {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const waits = await readFile(`/proc/${pid}/wchan`, "utf8").catch(() => "");
    const facts = status.split("\n").filter((line) => /^(State|PPid|Threads|VmRSS)/.test(line));
    return `${pid} ${command}\n  ${facts.join("; ").replaceAll("\t", " ")}; waits in ${waits}; ${await handlesOf(pid)} handles`;
  });
  return (await Promise.all(rows)).join("\n").replaceAll("\0", "");
}

export function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

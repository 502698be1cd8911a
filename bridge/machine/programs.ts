import { basename, join } from "node:path";
import { parseProcessStat } from "../kernel/process-identity.ts";
import { listNames, type SystemRoots, outputOfCommand, readTextOrNothing } from "./sources.ts";

/** A process of this machine. */
export interface RunningProgram {
  readonly pid: number;
  readonly parent: number;
  /** Linux truncates it to 15 characters. */
  readonly name: string;
}

/** Whether /proc/<pid>/cgroup names a container, whose programs do not count as the owner's. */
export function isContainedCgroup(text: string): boolean {
  return /[/-](docker|libpod|crio|cri-containerd)[-/]|\/kubepods[./]/.test(text);
}

/** `ps -axo pid=,ppid=,comm=` of macOS. */
export function parsePs(text: string): RunningProgram[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.+?)\s*$/.exec(line);
    return match === null ? [] : [{ pid: Number(match[1]), parent: Number(match[2]), name: basename(match[3] ?? "") }];
  });
}

/** `tasklist /fo csv /nh` of Windows, which lists no parents. */
export function parseTasklist(text: string): RunningProgram[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^"([^"]+)","(\d+)"/.exec(line);
    return match === null ? [] : [{ pid: Number(match[2]), parent: 0, name: match[1] ?? "" }];
  });
}

/** The programs that are neither `self` nor started by it. */
export function excludeProcessTree(programs: readonly RunningProgram[], self: number): RunningProgram[] {
  const own = new Set([self]);
  // Children are in any order in the list: repeat until no more are found.
  for (let before = 0; before < own.size; ) {
    before = own.size;
    for (const { pid, parent } of programs) if (own.has(parent)) own.add(pid);
  }
  return programs.filter(({ pid }) => !own.has(pid));
}

/**
 * Names of running programs except this bridge and its children, as far as they are `wanted`;
 * undefined if unknown.
 */
export async function runningPrograms(
  roots: SystemRoots,
  platform: NodeJS.Platform,
  wanted: (name: string) => boolean,
): Promise<readonly string[] | undefined> {
  const programs = await programsHere(roots, platform);
  if (programs === undefined) return undefined;
  const others = excludeProcessTree(programs, process.pid).filter(({ name }) => wanted(name));
  const contained = await Promise.all(
    others.map(async ({ pid }) => isContainedCgroup((await readTextOrNothing(join(roots.proc, String(pid), "cgroup"))) ?? "")),
  );
  return [...new Set(others.filter((_, index) => contained[index] === false).map(({ name }) => name))];
}

async function programsHere(roots: SystemRoots, platform: NodeJS.Platform): Promise<RunningProgram[] | undefined> {
  if (platform === "darwin") return parseUntimedEvent(await outputOfCommand("ps", ["-axo", "pid=,ppid=,comm="]), parsePs);
  if (platform === "win32") return parseUntimedEvent(await outputOfCommand("tasklist", ["/fo", "csv", "/nh"]), parseTasklist);
  const pids = (await listNames(roots.proc))?.filter((name) => /^\d+$/.test(name));
  if (pids === undefined || pids.length === 0) return undefined;
  const stats = await Promise.all(pids.map((pid) => readTextOrNothing(join(roots.proc, pid, "stat"))));
  return stats.map((stat) => parseProcessStat(stat ?? "")).filter((program) => program !== undefined);
}

function parseUntimedEvent(text: string | undefined, parse: (text: string) => RunningProgram[]): RunningProgram[] | undefined {
  return text === undefined ? undefined : parse(text);
}

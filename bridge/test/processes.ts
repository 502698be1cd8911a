import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ProcessStat, processStat } from "../kernel/process-identity.ts";

async function processes(): Promise<ProcessStat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => processStat(Number(pid))));
  return stats.filter((stat) => stat !== undefined);
}

/** The Blenders below a process. */
export async function blendersOf(pid: number): Promise<ProcessStat[]> {
  const all = await processes();
  const family = new Set([pid]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const { pid: child, parent } of all) if (family.has(parent)) family.add(child);
  }
  return all.filter(({ pid: member, name }) => family.has(member) && name.startsWith("blender"));
}

/** CPU seconds that the Blenders below a process use during `ms`. */
export async function blenderSecondsDuring(pid: number, ms: number): Promise<number> {
  const ticks = async () => (await blendersOf(pid)).reduce((sum, { ticks: used }) => sum + used, 0);
  const before = await ticks();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ((await ticks()) - before) / 100;
}

/** Files below a folder that contain these bytes. */
export async function filesWith(folder: string, marker: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(
    paths.map(async (path) => ((await readFile(path).catch(() => Buffer.alloc(0))).includes(marker) ? [path] : [])),
  );
  return found.flat();
}

import { readFile } from "node:fs/promises";
import type Docker from "dockerode";

/** Labels by which a sandbox is known to be ours. */
export const SANDBOX_LABELS = {
  node: "io.p2p-render.node",
  /** Which process of which start of which machine made it. */
  maker: "io.p2p-render.maker",
} as const;

/** Tells this process from every other one, now and after the machine was started anew. */
export async function processFingerprint(pid: number = process.pid): Promise<string> {
  const [boot, stat] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined),
  ]);
  if (stat === undefined) return `${pid}`;
  const startedTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return `${pid} ${startedTicks} ${boot.trim()}`;
}

/** Whether the process that made this mark is still the one of its number. */
export async function isMakerAlive(mark: string): Promise<boolean> {
  const pid = Number(mark.split(" ")[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  if (mark.includes(" ")) return (await processFingerprint(pid)) === mark;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Removes the sandboxes that killed bridges of this node have left. @returns how many. */
export async function reapOrphans(engine: Docker, node: string): Promise<number> {
  const filters = { label: [`${SANDBOX_LABELS.node}=${node}`] };
  const ours = await engine.listContainers({ all: true, filters });
  let count = 0;
  for (const { Id, Labels } of ours) {
    if (await isMakerAlive(Labels[SANDBOX_LABELS.maker] ?? "")) continue;
    await engine.getContainer(Id).remove({ force: true, v: true });
    count++;
  }
  return count;
}

import type Docker from "dockerode";
import { processBirthOf, isRunning } from "../../kernel/process-identity.ts";

/** Labels by which a sandbox is known to be ours. */
export const SANDBOX_LABELS = {
  node: "io.p2p-render.node",
  /** Which process of which start of which machine made it. */
  maker: "io.p2p-render.maker",
} as const;

/** Tells this process from every other one, now and after the machine was started anew. */
export async function processFingerprint(pid: number = process.pid): Promise<string> {
  const birth = await processBirthOf(pid);
  return birth === undefined ? `${pid}` : `${pid} ${birth.startTicks} ${birth.boot}`;
}

/** Whether the process that made this mark is still the one of its number. */
export async function isMakerAlive(mark: string): Promise<boolean> {
  const pid = Number(mark.split(" ")[0]);
  return mark.includes(" ") ? (await processFingerprint(pid)) === mark : isRunning(pid);
}

/** Removes the sandboxes that killed bridges of this node have left. @returns how many. */
export async function removeOrphanedContainers(engine: Docker, node: string): Promise<number> {
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

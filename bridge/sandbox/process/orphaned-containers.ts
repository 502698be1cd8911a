import type Docker from "dockerode";
import { processBirthOf, isRunning } from "../../kernel/process-identity.ts";

/** Labels that mark a sandbox as ours. */
export const SANDBOX_LABELS = {
  node: "io.p2p-render.node",
  /** The process that made it: machine, boot and pid. */
  maker: "io.p2p-render.maker",
} as const;

/** Identifies this process uniquely, also after a reboot. */
export async function processFingerprint(pid: number = process.pid): Promise<string> {
  const birth = await processBirthOf(pid);
  return birth === undefined ? `${pid}` : `${pid} ${birth.startTicks} ${birth.boot}`;
}

/** Whether the process with this fingerprint still runs. */
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

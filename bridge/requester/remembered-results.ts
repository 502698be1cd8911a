import { stat } from "node:fs/promises";
import type { ChunkAccepted, JobMemory } from "../core/journal/records.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobOrder } from "./job-order.ts";

/** Chunks whose pictures all stand on disk already: what frames share stays wanted while one of them is not finished. */
export function deliveredChunks(order: Pick<JobOrder, "plan" | "memory">): ReadonlySet<string> {
  const units = new Map(order.plan.units.map((unit) => [unit.key, unit.chunks]));
  const chunksOf = (finished: boolean) =>
    order.plan.outputs
      .filter(({ frame }) => order.memory.finishedFrames.has(frame) === finished)
      .flatMap(({ units: keys }) => keys.flatMap((key) => [...(units.get(key) ?? [])]));
  const wanted = new Set(chunksOf(false));
  return new Set(chunksOf(true).filter((chunk) => !wanted.has(chunk)));
}

/** An accepted result whose file somebody deleted is rendered again. */
export async function withFilesHere(order: JobOrder, folder: JobFolder): Promise<JobMemory> {
  const delivered = deliveredChunks(order);
  const accepted = new Map<string, ChunkAccepted>();
  for (const [chunk, record] of order.memory.accepted) {
    if (delivered.has(chunk) || (await allHere(record, folder))) accepted.set(chunk, record);
  }
  return { ...order.memory, accepted };
}

async function allHere(accepted: ChunkAccepted, folder: JobFolder): Promise<boolean> {
  for (const file of accepted.files.filter(({ role }) => role !== "preview")) {
    const found = await stat(folder.result(file.sha256)).catch(() => undefined);
    if (found?.size !== file.bytes) return false;
  }
  return true;
}

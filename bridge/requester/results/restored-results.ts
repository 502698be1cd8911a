import type { ChunkAccepted, JournalState } from "../../core/journal/records.ts";
import type { LedgerFile } from "../../core/ledger/ledger.ts";
import type { Time } from "../../kernel/world.ts";
import { findFiles } from "./find-files.ts";
import type { PreparedJob } from "../prepared-job.ts";
import type { JobFiles } from "../ports.ts";

/** Chunks whose pictures all stand on disk already: what frames share stays wanted while one of them is not finished. */
export function deliveredChunks(order: Pick<PreparedJob, "plan" | "memory">): ReadonlySet<string> {
  const sceneFrames = new Map(order.plan.sceneFrames.map((sceneFrame) => [sceneFrame.key, sceneFrame.chunks]));
  const chunksOf = (finished: boolean) =>
    order.plan.outputs
      .filter(({ frame }) => order.memory.finishedFrames.has(frame) === finished)
      .flatMap(({ sceneFrames: keys }) => keys.flatMap((key) => [...(sceneFrames.get(key) ?? [])]));
  const wanted = new Set(chunksOf(false));
  return new Set(chunksOf(true).filter((chunk) => !wanted.has(chunk)));
}

/** What the journal says, as far as it is still so: a picture or a result that somebody removed is made again. */
export async function withFilesHere(
  time: Time,
  order: Pick<PreparedJob, "plan" | "memory">,
  files: JobFiles,
  isMovie: boolean,
): Promise<JournalState> {
  const finishedFrames = await stillThere(order.memory.finishedFrames, { time, files, isMovie });
  const memory = { ...order.memory, finishedFrames };
  const delivered = deliveredChunks({ plan: order.plan, memory });
  const accepted = new Map<string, ChunkAccepted>();
  for (const [chunk, record] of memory.accepted) {
    if (delivered.has(chunk) || (await allHere(record, files))) accepted.set(chunk, record);
  }
  return { ...memory, accepted };
}

async function stillThere(
  frames: ReadonlyMap<number, readonly LedgerFile[]>,
  { time, files, isMovie }: { readonly time: Time; readonly files: JobFiles; readonly isMovie: boolean },
): Promise<ReadonlyMap<number, readonly LedgerFile[]>> {
  const found = await findFiles(time, [...frames.values()].flat(), (path) => files.sizeOf(path));
  const isThere = (written: readonly LedgerFile[]) => written.every(({ path }) => found.get(path) === "there");
  // A movie is made of all its frames anew.
  if (isMovie && ![...frames.values()].every(isThere)) return new Map();
  return new Map([...frames].filter(([, written]) => isThere(written)));
}

async function allHere({ chunk, donor, files: named }: ChunkAccepted, files: JobFiles): Promise<boolean> {
  for (const { role, sha256, bytes } of named) {
    if (role !== "preview" && (await files.sizeOf(files.resultPath(chunk, donor, sha256))) !== bytes) return false;
  }
  return true;
}

import type { ChunkAccepted, ReplayedJobState } from "../../core/journal/records.ts";
import type { LedgerFile } from "../../core/ledger/ledger.ts";
import type { Time } from "../../kernel/world.ts";
import { findFiles } from "./find-files.ts";
import type { PreparedJob } from "../prepare/prepared-job.ts";
import type { JobFiles } from "../ports.ts";

/** Chunks whose pictures all stand on disk already: what frames share stays wanted while one of them is not finished. */
export function deliveredChunks(prepared: Pick<PreparedJob, "plan" | "journalState">): ReadonlySet<string> {
  const sceneFrames = new Map(prepared.plan.sceneFrames.map((sceneFrame) => [sceneFrame.key, sceneFrame.chunks]));
  const chunksOf = (finished: boolean) =>
    prepared.plan.outputs
      .filter(({ frame }) => prepared.journalState.finishedFrames.has(frame) === finished)
      .flatMap(({ sceneFrames: keys }) => keys.flatMap((key) => [...(sceneFrames.get(key) ?? [])]));
  const wanted = new Set(chunksOf(false));
  return new Set(chunksOf(true).filter((chunk) => !wanted.has(chunk)));
}

/** What the journal says, as far as it is still so: a picture or a result that somebody removed is made again. */
export async function dropMissingFiles(
  time: Time,
  prepared: Pick<PreparedJob, "plan" | "journalState">,
  files: JobFiles,
  isMovie: boolean,
): Promise<ReplayedJobState> {
  const finishedFrames = await stillThere(prepared.journalState.finishedFrames, { time, files, isMovie });
  const journalState = { ...prepared.journalState, finishedFrames };
  const delivered = deliveredChunks({ plan: prepared.plan, journalState });
  const accepted = new Map<string, ChunkAccepted>();
  for (const [chunk, record] of journalState.accepted) {
    if (delivered.has(chunk) || (await allHere(record, files))) accepted.set(chunk, record);
  }
  return { ...journalState, accepted };
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

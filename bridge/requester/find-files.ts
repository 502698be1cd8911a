import PQueue from "p-queue";
import type { LedgerFile } from "../core/ledger/ledger.ts";
import type { FileFound } from "../core/ledger/outcome.ts";

/** Files looked at side by side. */
const AT_ONCE = 16;

/** Looks for the files that a job says are there. */
export async function findFiles(
  files: readonly LedgerFile[],
  sizeOf: (path: string) => Promise<number | undefined>,
): Promise<ReadonlyMap<string, FileFound>> {
  const queue = new PQueue({ concurrency: AT_ONCE });
  const found = new Map<string, FileFound>();
  await queue.addAll(files.map((file) => async () => void found.set(file.path, foundAs(file, await sizeOf(file.path)))));
  return found;
}

function foundAs({ bytes }: LedgerFile, size: number | undefined): FileFound {
  if (size === undefined) return "gone";
  if (bytes !== undefined && size !== bytes) return "other-size";
  return size === 0 ? "empty" : "there";
}

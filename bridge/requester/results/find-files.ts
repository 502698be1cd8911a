import PQueue from "p-queue";
import type { LedgerFile } from "../../core/ledger/ledger.ts";
import type { FileFound } from "../../core/ledger/outcome.ts";
import type { Time } from "../../kernel/world.ts";
import { isOutputDiskTimeout, awaitOutput } from "../../kernel/files/output-failure.ts";

/** Files looked at side by side. */
const AT_ONCE = 16;

/** Looks for the files that a job says are there. Behind a mount that has gone there are none; it is asked once, not for every file. */
export async function findFiles(
  time: Time,
  files: readonly LedgerFile[],
  sizeOf: (path: string) => Promise<number | undefined>,
): Promise<ReadonlyMap<string, FileFound>> {
  const queue = new PQueue({ concurrency: AT_ONCE });
  const found = new Map<string, FileFound>();
  let isUnanswering = false;
  const look = async (file: LedgerFile): Promise<FileFound> => {
    if (isUnanswering) return "gone";
    try {
      return foundAs(file, await awaitOutput(sizeOf(file.path), { where: file.path, time }));
    } catch (error) {
      if (!isOutputDiskTimeout(error)) throw error;
      isUnanswering = true;
      return "gone";
    }
  };
  await queue.addAll(files.map((file) => async () => void found.set(file.path, await look(file))));
  return found;
}

function foundAs({ bytes }: LedgerFile, size: number | undefined): FileFound {
  if (size === undefined) return "gone";
  if (bytes !== undefined && size !== bytes) return "other-size";
  return size === 0 ? "empty" : "there";
}

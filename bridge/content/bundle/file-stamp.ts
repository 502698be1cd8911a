import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

/** Identifies a version of a file, to detect changes. */
export interface FileStamp {
  readonly bytes: number;
  readonly mtimeNs: string;
  readonly ino: string;
}

/** Undefined for anything but a readable regular file, which counts as missing. Non-blocking, so that a FIFO cannot block us. */
export async function stampAt(path: string): Promise<FileStamp | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    return await fileStampOf(file);
  } catch {
    return undefined;
  }
}

/** The same without opening it, when it is known to be readable. */
export async function stampWithoutOpening(path: string): Promise<FileStamp | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && stampFrom(found);
}

export async function fileStampOf(file: FileHandle): Promise<FileStamp | undefined> {
  return stampFrom(await file.stat({ bigint: true }));
}

function stampFrom(stats: BigIntStats): FileStamp | undefined {
  return stats.isFile() ? { bytes: Number(stats.size), mtimeNs: String(stats.mtimeNs), ino: String(stats.ino) } : undefined;
}

export function sameStamp(a: FileStamp | undefined, b: FileStamp | undefined): boolean {
  return a !== undefined && b !== undefined && a.bytes === b.bytes && a.mtimeNs === b.mtimeNs && a.ino === b.ino;
}

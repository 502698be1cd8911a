import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Disk } from "../disk.ts";

/** Errors of file systems that cannot sync a folder, or do not allow it. */
const NOT_FOR_FOLDERS = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EACCES", "EISDIR", "EBADF", "ENOSYS"]);

export interface AtomicWriteOptions {
  /** Its path until it is complete; by default a unique name in the same folder. */
  readonly beside?: string;
  /** Its bytes and its name are synced before this resolves; otherwise a power cut may lose it. */
  readonly durable?: boolean;
}

/** A unique name in the same folder, for a file that is renamed to `file` once it is complete. */
export function temporaryNameFor(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file).slice(0, 100)}.${randomBytes(6).toString("hex")}.part`);
}

/**
 * Writes a file under a temporary name and renames it once it is complete: readers see all of it, or the previous
 * file. Throws errors of `make` and of the system, and leaves no temporary file.
 */
export async function makeWhole(
  disk: Disk,
  file: string,
  make: (beside: string) => Promise<unknown>,
  { beside = temporaryNameFor(file), durable = false }: AtomicWriteOptions = {},
): Promise<void> {
  try {
    await disk.rm(beside, { force: true }); // of a killed process
    await make(beside);
    if (durable) await syncFile(disk, beside);
    await disk.rename(beside, file);
    if (durable) await syncFolder(disk, path.dirname(file));
  } catch (error) {
    await disk.rm(beside, { force: true }).catch(() => {});
    throw error;
  }
}

/** As `makeWhole`, for contents in memory. */
export async function replaceFile(
  disk: Disk,
  file: string,
  content: string | Uint8Array,
  options: AtomicWriteOptions & { readonly mode?: number } = {},
): Promise<void> {
  const { mode } = options;
  await makeWhole(
    disk,
    file,
    (beside) => disk.writeFile(beside, content, { flag: "wx", ...(mode === undefined ? {} : { mode }) }),
    options,
  );
}

/**
 * Moves a complete file to its final name; its bytes are synced before. Across file systems it is copied beside
 * the target first, so that a partial file never has the name. `syncFolder` then syncs the name.
 *
 * Throws the system's errors.
 * @returns the file's size.
 */
export async function placeFile(disk: Disk, from: string, to: string): Promise<number> {
  await syncFile(disk, from);
  const { size } = await disk.stat(from);
  await moveFile(disk, from, to);
  const { size: placed } = await disk.stat(to);
  if (placed !== size) throw new Error(`only ${placed} of ${size} bytes were written`);
  return placed;
}

/** Syncs the names in a folder, if the system can: a file just moved in survives a power cut. */
export async function syncFolder(disk: Disk, folder: string): Promise<void> {
  if (process.platform === "win32") return; // a folder cannot be opened there, and NTFS keeps a journal of names
  try {
    await using opened = await disk.open(folder, "read");
    await opened.sync();
  } catch (error) {
    if (!NOT_FOR_FOLDERS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Syncs a file's bytes. */
export async function syncFile(disk: Disk, file: string): Promise<void> {
  await using opened = await disk.open(file, "change"); // Windows requires write access
  await opened.sync();
}

/** Renames; across file systems copies, and syncs the bytes before renaming. */
export async function moveFile(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await disk.rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const beside = path.join(path.dirname(to), `.${path.basename(to)}.part`);
    await makeWhole(
      disk,
      to,
      async () => {
        await disk.copyFile(from, beside);
        await syncFile(disk, beside);
      },
      { beside },
    );
    await disk.rm(from);
  }
}

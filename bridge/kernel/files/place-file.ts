import { copyFile, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";

/** What file systems answer that cannot bring a folder to the disk, or do not let us ask. */
const NOT_FOR_FOLDERS = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EACCES", "EISDIR", "EBADF", "ENOSYS"]);

/**
 * Moves a whole file to its final name: its bytes are on the disk before it has it. Across file systems it is a copy beside
 * the target first, so that no half file ever has the name. `syncFolder` then brings the name to the disk.
 *
 * Throws what the system says.
 * @returns the bytes that lie there.
 */
export async function placeFile(from: string, to: string): Promise<number> {
  await syncFile(from);
  const { size } = await stat(from);
  await move(from, to);
  const { size: placed } = await stat(to);
  if (placed !== size) throw new Error(`${placed} of ${size} bytes lie there`);
  return placed;
}

/** Brings the names in a folder to the disk, where the system knows how: a file just moved in survives a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // a folder cannot be opened there, and NTFS keeps a journal of names
  try {
    await using opened = await open(folder, "r");
    await opened.sync();
  } catch (error) {
    if (!NOT_FOR_FOLDERS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

async function syncFile(file: string): Promise<void> {
  await using opened = await open(file, "r+"); // Windows asks for the right to write
  await opened.sync();
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const beside = path.join(path.dirname(to), `.${path.basename(to)}.part`);
    try {
      await copyFile(from, beside);
      await syncFile(beside);
      await rename(beside, to);
    } catch (cause) {
      await rm(beside, { force: true });
      throw cause;
    }
    await rm(from);
  }
}

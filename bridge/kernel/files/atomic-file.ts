import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Disk } from "../disk.ts";

/** What file systems answer that cannot bring a folder to the disk, or do not let us ask. */
const NOT_FOR_FOLDERS = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EACCES", "EISDIR", "EBADF", "ENOSYS"]);

export interface WholeFileOptions {
  /** Where it lies until it is whole; a name of its own in the same folder when not said. */
  readonly beside?: string;
  /** Its bytes and its name are on the disk when this resolves; a power cut may take what is written without. */
  readonly durable?: boolean;
}

/** A name in the same folder that nobody else has, for a file that is renamed to `file` once it is whole. */
export function temporaryNameFor(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file).slice(0, 100)}.${randomBytes(6).toString("hex")}.part`);
}

/**
 * Makes a file under another name, and gives it its own once it is whole: whoever looks sees all of it, or what was there
 * before. Throws what `make` and the system say, and leaves nothing beside it.
 */
export async function makeWhole(
  disk: Disk,
  file: string,
  make: (beside: string) => Promise<unknown>,
  { beside = temporaryNameFor(file), durable = false }: WholeFileOptions = {},
): Promise<void> {
  try {
    await disk.rm(beside, { force: true }); // of somebody who was killed
    await make(beside);
    if (durable) await syncFile(disk, beside);
    await disk.rename(beside, file);
    if (durable) await syncFolder(disk, path.dirname(file));
  } catch (error) {
    await disk.rm(beside, { force: true }).catch(() => {});
    throw error;
  }
}

/** As `makeWhole`, for a content that is in memory. */
export async function replaceFile(
  disk: Disk,
  file: string,
  content: string | Uint8Array,
  options: WholeFileOptions & { readonly mode?: number } = {},
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
 * Moves a whole file to its final name: its bytes are on the disk before it has it. Across file systems it is a copy beside
 * the target first, so that no half file ever has the name. `syncFolder` then brings the name to the disk.
 *
 * Throws what the system says.
 * @returns the bytes that lie there.
 */
export async function placeFile(disk: Disk, from: string, to: string): Promise<number> {
  await syncFile(disk, from);
  const { size } = await disk.stat(from);
  await moveFile(disk, from, to);
  const { size: placed } = await disk.stat(to);
  if (placed !== size) throw new Error(`${placed} of ${size} bytes lie there`);
  return placed;
}

/** Brings the names in a folder to the disk, where the system knows how: a file just moved in survives a power cut. */
export async function syncFolder(disk: Disk, folder: string): Promise<void> {
  if (process.platform === "win32") return; // a folder cannot be opened there, and NTFS keeps a journal of names
  try {
    await using opened = await disk.open(folder, "read");
    await opened.sync();
  } catch (error) {
    if (!NOT_FOR_FOLDERS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Brings a file's bytes to the disk. */
export async function syncFile(disk: Disk, file: string): Promise<void> {
  await using opened = await disk.open(file, "change"); // Windows asks for the right to write
  await opened.sync();
}

/** Renames; across file systems a copy, whose bytes are on the disk before it has the name. */
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

import { mkdir, rmdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder, and those above it that are missing, one by one. Node's own `recursive` never returns where a folder
 * can be neither made nor found (`/proc/nope/x`), and keeps a processor busy for ever.
 *
 * Throws what the system says, and leaves none that it made: EEXIST or ENOTDIR where a file is in the way, ENOENT, EACCES, EROFS, ENOSPC, ENAMETOOLONG, …
 * @returns the first folder that was made, undefined where all were there.
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  const missing = await missingFolders(resolve(folder));
  const made: string[] = [];
  try {
    for (const path of missing) if (await madeNow(path)) made.push(path);
    return made[0];
  } catch (error) {
    for (const path of made.toReversed()) await rmdir(path).catch(() => {}); // somebody may use it already
    throw error;
  }
}

/** From the outermost to the folder itself; a file in its place counts as missing: making it says what is wrong. */
async function missingFolders(folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = folder; !(await isFolder(path)); path = dirname(path)) {
    missing.unshift(path);
    if (path === dirname(path)) break;
  }
  return missing;
}

/** False where somebody else made it meanwhile. */
async function madeNow(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && (await isFolder(path))) return false;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}

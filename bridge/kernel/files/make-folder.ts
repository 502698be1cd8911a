import { dirname, resolve } from "node:path";
import type { Disk } from "../disk.ts";

/**
 * Makes a folder, and its missing parents, one by one. Node's own `recursive` never returns when a folder
 * can be neither made nor found (`/proc/nope/x`), and keeps a CPU busy for ever.
 *
 * Throws the system's errors, and removes folders that it made: EEXIST or ENOTDIR if a file is in the way, ENOENT, EACCES, EROFS, ENOSPC, ENAMETOOLONG, …
 * @returns the topmost folder that was made, undefined if all existed.
 */
export async function makeFolder(disk: Disk, folder: string): Promise<string | undefined> {
  const missing = await missingFolders(disk, resolve(folder));
  const made: string[] = [];
  try {
    for (const path of missing) if (await madeNow(disk, path)) made.push(path);
    return made[0];
  } catch (error) {
    for (const path of made.toReversed()) await disk.rmdir(path).catch(() => {}); // another process may use it already
    throw error;
  }
}

/** From the topmost to the folder itself; a file in its place counts as missing, so that making it fails with the reason. */
async function missingFolders(disk: Disk, folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = folder; !(await isFolder(disk, path)); path = dirname(path)) {
    missing.unshift(path);
    if (path === dirname(path)) break;
  }
  return missing;
}

/** False if another process made it meanwhile. */
async function madeNow(disk: Disk, path: string): Promise<boolean> {
  try {
    await disk.mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && (await isFolder(disk, path))) return false;
    throw error;
  }
}

async function isFolder(disk: Disk, path: string): Promise<boolean> {
  try {
    return (await disk.stat(path)).isDirectory();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}

import { dirname, resolve } from "node:path";

/** What making a folder needs of a `Disk`. */
export interface FolderCalls {
  stat(path: string): Promise<{ isDirectory(): boolean }>;
  /** Makes this one folder. */
  mkdir(path: string): Promise<unknown>;
  rmdir(path: string): Promise<void>;
}

/**
 * Makes a folder, and its missing parents, one by one. Node's own `recursive` never returns when a folder
 * can be neither made nor found (`/proc/nope/x`), and keeps a CPU busy for ever.
 *
 * Throws the system's errors, and removes folders that it made: EEXIST or ENOTDIR if a file is in the way, ENOENT, EACCES, EROFS, ENOSPC, ENAMETOOLONG, …
 * @returns the topmost folder that was made, undefined if all existed.
 */
export async function makeFolder(disk: FolderCalls, folder: string): Promise<string | undefined> {
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

/** From the topmost to the folder itself; making the first one fails with the reason if a file is in the way. */
async function missingFolders(disk: FolderCalls, folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = folder; ; path = dirname(path)) {
    const found = await lookAt(disk, path);
    if (found === "folder" || (found === "file" && path !== folder)) return missing;
    missing.unshift(path);
    if (path === dirname(path)) return missing;
  }
}

/** False if another process made it meanwhile. */
async function madeNow(disk: FolderCalls, path: string): Promise<boolean> {
  try {
    await disk.mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && (await lookAt(disk, path)) === "folder") return false;
    throw error;
  }
}

async function lookAt(disk: FolderCalls, path: string): Promise<"folder" | "file" | "nothing"> {
  try {
    return (await disk.stat(path)).isDirectory() ? "folder" : "file";
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "nothing";
    throw error;
  }
}

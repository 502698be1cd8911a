import { randomBytes } from "node:crypto";
import { open, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemDisk } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";
import { makeFolder } from "../../kernel/files/make-folder.ts";
import { awaitOutput } from "../../kernel/files/output-failure.ts";
import { systemWorld } from "../../kernel/world.ts";

/**
 * Tests whether a folder can be written, before any work: makes it, writes a small file, and
 * removes both again.
 *
 * Throws OUTPUT_NOT_WRITABLE, DISK_FULL; the signal's reason when aborted.
 */
export async function tryOutputFolder(folder: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await awaitOutput(tryFolder(folder), { where: folder, time: systemWorld }, signal);
}

/** As `tryOutputFolder` for a file's folder; a folder with the file's own name is refused, too. */
export async function tryOutputFile(file: string, signal: AbortSignal): Promise<void> {
  await tryOutputFolder(dirname(file), signal);
  await awaitOutput(requireFree(file), { where: file, time: systemWorld }, signal);
}

/** A file of an earlier render may be replaced. */
async function requireFree(file: string): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (found !== undefined && !found.isFile())
    throw new FarmError("OUTPUT_NOT_WRITABLE", `${file} is ${found.isDirectory() ? "a folder" : "no file"}`, {
      advice: "Name a file that does not exist yet, or one to replace.",
    });
}

async function tryFolder(folder: string): Promise<void> {
  const made = await makeFolder(systemDisk, folder);
  try {
    await tryFile(join(folder, `.p2p-render-try-${randomBytes(6).toString("hex")}`));
  } finally {
    if (made !== undefined) await removeEmpty(folder, made);
  }
}

async function tryFile(file: string): Promise<void> {
  try {
    await using probe = await open(file, "wx", 0o600);
    await probe.writeFile("This file may be removed.\n");
    await probe.sync(); // some file systems report here that they are full
  } finally {
    await rm(file, { force: true }).catch(() => {}); // the write error is more useful
  }
}

/** Removes the folders it made, from the innermost up; one that is no longer empty stays. */
async function removeEmpty(folder: string, first: string): Promise<void> {
  try {
    for (let path = folder; path.startsWith(first); path = dirname(path)) await rmdir(path);
  } catch {
    // not empty, or already removed: neither is an error
  }
}

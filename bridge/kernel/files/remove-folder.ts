import type { Disk } from "../disk.ts";

/** Each try waits 100 ms longer than the one before. */
const RETRIES = 3;

/** Removes a folder with all that is in it, also one that somebody (a Blender, a virus scanner) is still busy with. What is not there is no failure. */
export async function removeFolder(disk: Pick<Disk, "rm">, path: string): Promise<void> {
  await disk.rm(path, { recursive: true, force: true, maxRetries: RETRIES });
}

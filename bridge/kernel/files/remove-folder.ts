import type { Disk } from "../disk.ts";

/** Each try waits 100 ms longer than the one before. */
const RETRIES = 3;

/** Removes a folder with its contents, also one that another process (a Blender, a virus scanner) still uses. A missing folder is no error. */
export async function removeFolder(disk: Pick<Disk, "rm">, path: string): Promise<void> {
  await disk.rm(path, { recursive: true, force: true, maxRetries: RETRIES });
}

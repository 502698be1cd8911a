import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import type { Sha256 } from "../../kernel/ids.ts";

/** Writes and syncs a file that must not exist yet; removes it on failure. */
export async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await using file = await open(path, "wx", 0o600);
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
}

/** Exactly `length` bytes from `offset`; undefined when the file is shorter. */
export async function readExactly(path: string, offset: number, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  await using file = await open(path, "r");
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return bytes;
}

/** A stored content's hash and size. */
export async function hashAndSizeOf(path: string, signal: AbortSignal): Promise<{ readonly hash: Sha256; readonly bytes: number }> {
  const { size: bytes } = await stat(path);
  return { hash: await hashFile(path, signal), bytes };
}

export async function hashFile(path: string, signal: AbortSignal): Promise<Sha256> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024, signal })) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

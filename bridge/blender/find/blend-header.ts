import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { FarmError } from "../../kernel/errors.ts";

/** The header of a .blend. */
export interface BlendHeader {
  /** Version of the Blender that saved it, without the patch: "2.76", "3.4", "5.2". */
  readonly fileVersion: string;
  readonly compression: "none" | "gzip" | "zstd";
}

/** How many bytes of a file are read. Blender's zstd frames hold 256 KiB of the file, in blocks of at most 128 KiB. */
export const BLEND_HEADER_LIMITS = { readBytes: 256 * 1024, headerBytes: 17 } as const;

const GZIP = [0x1f, 0x8b] as const;
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd] as const;

/**
 * Reads the header of a .blend, compressed or not, before a Blender is started for it.
 *
 * Headers: "BLENDER-v276" (Blender 1 to 4: pointer size, byte order, version) and "BLENDER17-01v0500"
 * (Blender 5: length of the header, pointer size, format, byte order, version).
 * Throws SCENE_NOT_FOUND, SCENE_NOT_A_FILE, SCENE_EMPTY, SCENE_NOT_BLEND, SCENE_UNREADABLE.
 */
export async function checkBlendFile(path: string): Promise<BlendHeader> {
  const start = await readStart(path);
  const compression = compressionOf(start);
  const header = compression === "none" ? start : await unpackStart(start, compression);
  const fileVersion = header && versionIn(header.subarray(0, BLEND_HEADER_LIMITS.headerBytes).toString("latin1"));
  if (fileVersion === undefined) throw new FarmError("SCENE_NOT_BLEND", `${path} is not a .blend file`);
  return { fileVersion, compression };
}

/** True when a file of `fileVersion` was saved by a newer Blender than `blenderVersion` (major and minor count). */
export function isNewerFile(fileVersion: string, blenderVersion: string): boolean {
  const [fileMajor = 0, fileMinor = 0] = fileVersion.split(".").map(Number);
  const [major = 0, minor = 0] = blenderVersion.split(".").map(Number);
  return fileMajor > major || (fileMajor === major && fileMinor > minor);
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a pipe";
  return found.isSocket() ? "a socket" : "a device";
}

async function readStart(path: string): Promise<Buffer> {
  // stat before open: opening a pipe without a writer would block for ever
  const found = await stat(path).catch((cause: unknown) => {
    throw cannotOpen(path, cause);
  });
  if (!found.isFile()) throw new FarmError("SCENE_NOT_A_FILE", `${path} is ${kindOf(found)}, not a file`);
  if (found.size === 0) throw new FarmError("SCENE_EMPTY", `${path} is empty`);
  const file = await open(path).catch((cause: unknown) => {
    throw cannotOpen(path, cause);
  });
  try {
    const bytes = Buffer.alloc(Math.min(found.size, BLEND_HEADER_LIMITS.readBytes));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function cannotOpen(path: string, cause: unknown): FarmError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return new FarmError("SCENE_NOT_FOUND", `${path} does not exist`, { cause });
  return new FarmError("SCENE_UNREADABLE", `${path} cannot be read (${code ?? "unknown reason"})`, {
    advice: "Check that you may read the file.",
    cause,
  });
}

function compressionOf(start: Buffer): BlendHeader["compression"] {
  const begins = (magic: readonly number[]) => magic.every((byte, at) => start[at] === byte);
  if (begins(GZIP)) return "gzip";
  return begins(ZSTD) ? "zstd" : "none";
}

/** The first uncompressed bytes; undefined when they cannot be decompressed. */
function unpackStart(start: Buffer, compression: "gzip" | "zstd"): Promise<Buffer | undefined> {
  const unpack: Transform = compression === "gzip" ? createGunzip() : createZstdDecompress();
  return new Promise((resolve) => {
    unpack.once("data", (bytes: Buffer) => {
      resolve(bytes);
      unpack.destroy();
    });
    unpack.once("error", () => resolve(undefined));
    unpack.once("close", () => resolve(undefined));
    unpack.end(start);
  });
}

function versionIn(header: string): string | undefined {
  const digits = (/^BLENDER[-_][vV](\d{3})/.exec(header) ?? /^BLENDER\d\d[-_]\d\d[vV](\d{4})/.exec(header))?.[1];
  if (digits === undefined) return undefined;
  const version = Number(digits);
  return `${Math.floor(version / 100)}.${version % 100}`;
}

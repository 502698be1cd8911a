import { type FileHandle, open } from "node:fs/promises";
import { constants } from "node:fs";
import type { SceneFile } from "../core/scene-facts.ts";
import { FarmError } from "../kernel/errors.ts";
import { type Sha256, sha256 } from "../kernel/ids.ts";
import type { BlockSource } from "./block-source.ts";
import { layoutBundle } from "./bundle-layout.ts";
import { chunkFile, type FileBlock } from "./chunker.ts";
import { FileBlocksCache, type FileStamp } from "./file-blocks-cache.ts";
import { encodeManifest, MANIFEST_LIMITS, type ManifestFile, SceneManifest } from "./manifest.ts";
import { OwnFilesSource } from "./own-files-source.ts";

export interface PackProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A scene ready to travel. */
export interface PackedBundle {
  readonly manifest: SceneManifest;
  readonly manifestHash: Sha256;
  readonly manifestBytes: Uint8Array;
  /** Every block and the manifest itself, out of the user's own files. */
  readonly source: BlockSource;
  /** Absolute paths that the scene names and that could not be read; the render goes on without them, as in Blender. */
  readonly missing: readonly string[];
}

/**
 * Cuts and hashes the files of a scene and lays them out. Files are read where they are, never copied.
 * `cacheDir` keeps how each file was cut, for the next time.
 * Throws SCENE_NOT_FOUND, SCENE_CHANGED (a file changed while it was read), MANIFEST_INVALID (over a size cap).
 */
export async function packBundle(
  files: readonly SceneFile[],
  options: { readonly cacheDir?: string },
  signal: AbortSignal,
  onProgress: (progress: PackProgress) => void = () => {},
): Promise<PackedBundle> {
  const stamps = new Map<string, FileStamp>();
  const present: SceneFile[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const stamp = file.missing ? undefined : (stamps.get(file.path) ?? (await stampPath(file.path)));
    if (stamp) stamps.set(file.path, stamp);
    present.push({ ...file, missing: stamp === undefined });
  }
  const layout = layoutBundle(present);
  const cache = options.cacheDir === undefined ? undefined : new FileBlocksCache(options.cacheDir);
  const bytesTotal = layout.files.reduce((sum, file) => sum + (stamps.get(file.source)?.bytes ?? 0), 0);
  const source = new OwnFilesSource();
  const entries: ManifestFile[] = [];
  let bytesDone = 0;
  for (const { path, source: from } of layout.files) {
    const before = bytesDone;
    const blocks = await blocksOfFile(from, stamps.get(from), cache, {
      signal,
      onBytes: (bytes) => onProgress({ bytesDone: (bytesDone += bytes), bytesTotal }),
    });
    const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
    if (bytesDone !== before + bytes) onProgress({ bytesDone: (bytesDone = before + bytes), bytesTotal });
    for (const block of blocks) source.addBlock(block.sha256, { path: from, offset: block.offset, bytes: block.bytes });
    entries.push({ path, bytes, blocks: blocks.map((block) => ({ sha256: block.sha256, bytes: block.bytes })) });
  }
  const manifest = checked({ version: 1, scene: layout.scene, files: entries, remap: [...layout.remap] });
  const manifestBytes = encodeManifest(manifest);
  const manifestHash = sha256(manifestBytes);
  source.addBytes(manifestHash, manifestBytes);
  return { manifest, manifestHash, manifestBytes, source, missing: layout.missing };
}

async function blocksOfFile(
  path: string,
  stamp: FileStamp | undefined,
  cache: FileBlocksCache | undefined,
  work: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<FileBlock[]> {
  const known = stamp && (await cache?.find(path, stamp));
  if (known) return known;
  await using file = await openAgain(path);
  const before = await stampOf(file);
  const blocks = await chunkFile(file, work.signal, work.onBytes);
  const after = await stampOf(file);
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
  if (!before || !after || !sameStamp(before, after) || bytes !== after.bytes) {
    throw new FarmError("SCENE_CHANGED", `${path} changed while it was read`, { facts: { path } });
  }
  await cache?.remember(path, after, blocks);
  return blocks;
}

async function openAgain(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw new FarmError("SCENE_CHANGED", `${path} went away while the scene was packed`, { facts: { path }, cause });
  }
}

/** Undefined for what is not a readable regular file: to the scene it is missing. Non-blocking, so that a FIFO cannot hold us. */
async function stampPath(path: string): Promise<FileStamp | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    return await stampOf(file);
  } catch {
    return undefined;
  }
}

async function stampOf(file: FileHandle): Promise<FileStamp | undefined> {
  const stat = await file.stat({ bigint: true });
  return stat.isFile() ? { bytes: Number(stat.size), mtimeNs: String(stat.mtimeNs), ino: String(stat.ino) } : undefined;
}

function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.bytes === b.bytes && a.mtimeNs === b.mtimeNs && a.ino === b.ino;
}

/** Our own manifest passes the same gate as a stranger's: what donors would refuse fails here, with a name. */
function checked(manifest: SceneManifest): SceneManifest {
  const parsed = SceneManifest.safeParse(manifest);
  if (parsed.success) return parsed.data;
  const advice = `A scene may hold ${MANIFEST_LIMITS.maxFiles} files and ${MANIFEST_LIMITS.maxTotalBytes / 1024 ** 3} GiB.`;
  throw new FarmError("MANIFEST_INVALID", `the scene cannot be packed: ${parsed.error.issues[0]?.message ?? "unknown"}`, {
    cause: parsed.error,
    advice,
  });
}

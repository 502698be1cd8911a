import { type FileHandle, open } from "node:fs/promises";
import type { SceneFile } from "../../core/job/scene-facts.ts";
import { FarmError } from "../../kernel/errors.ts";
import { type Sha256, sha256 } from "../../kernel/ids.ts";
import type { BlockSource } from "../blocks/block-source.ts";
import { layoutBundle } from "./bundle-layout.ts";
import { chunkFile, type FileBlock } from "../blocks/chunker.ts";
import { FileBlocksCache } from "../blocks/file-blocks-cache.ts";
import { type FileStamp, sameStamp, stampAt, fileStampOf } from "./file-stamp.ts";
import { encodeManifest, MANIFEST_LIMITS, type ManifestFile, SceneManifest } from "./manifest.ts";
import { LocalFileBlocks } from "../blocks/local-file-blocks.ts";

export interface PackOptions {
  /** Caches the blocks of each file. */
  readonly cacheDir?: string;
  /** Copies of files, by the absolute path of the file: blocks are read from there once the file itself has changed. */
  readonly copies?: ReadonlyMap<string, string>;
  /** These files have changed already: their copies are packed instead. */
  readonly fromCopies?: boolean;
}

export interface PackProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A file as it was packed. */
export interface BundledFile {
  /** Path in the bundle. */
  readonly path: string;
  /** Absolute path named by the scene. */
  readonly source: string;
  /** Of the file that was read: `source`, or its copy. */
  readonly stamp: FileStamp;
  readonly blocks: readonly FileBlock[];
}

/** A packed scene. */
export interface PackedBundle {
  readonly manifest: SceneManifest;
  readonly manifestHash: Sha256;
  readonly manifestBytes: Uint8Array;
  /** The source of every block and the manifest, from the user's own files and their copies. */
  readonly source: BlockSource;
  /** In the order of the manifest. */
  readonly files: readonly BundledFile[];
  /** Absolute paths that the scene names and that could not be read; it is rendered without them, as in Blender. */
  readonly missing: readonly string[];
}

/**
 * Cuts and hashes the files of a scene and chooses their bundle paths. Files are read in place, never copied.
 * Throws SCENE_NOT_FOUND, SCENE_CHANGED (a file changed while it was read), MANIFEST_INVALID (over a size cap).
 */
export async function packBundle(
  files: readonly SceneFile[],
  options: PackOptions,
  signal: AbortSignal,
  onProgress: (progress: PackProgress) => void = () => {},
): Promise<PackedBundle> {
  const placeOf = (path: string) => (options.fromCopies ? options.copies?.get(path) : undefined) ?? path;
  const { present, stamps } = await lookAtFiles(files, placeOf, signal);
  const layout = layoutBundle(present);
  const cache = options.cacheDir === undefined ? undefined : new FileBlocksCache(options.cacheDir);
  const bytesTotal = layout.files.reduce((sum, file) => sum + (stamps.get(file.source)?.bytes ?? 0), 0);
  const source = new LocalFileBlocks(options.copies);
  const packed: BundledFile[] = [];
  let bytesDone = 0;
  for (const { path, source: named } of layout.files) {
    const before = bytesDone;
    const from = placeOf(named);
    const { blocks, stamp } = await blocksOfFile(from, stamps.get(named), from === named ? cache : undefined, {
      signal,
      onBytes: (bytes) => onProgress({ bytesDone: (bytesDone += bytes), bytesTotal }),
    });
    const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
    if (bytesDone !== before + bytes) onProgress({ bytesDone: (bytesDone = before + bytes), bytesTotal });
    for (const block of blocks) source.addBlock(block.sha256, { path: from, offset: block.offset, bytes: block.bytes });
    packed.push({ path, source: named, stamp, blocks });
  }
  const manifest = checked({ version: 1, scene: layout.scene, files: packed.map(manifestFile), remap: [...layout.remap] });
  const manifestBytes = encodeManifest(manifest);
  const manifestHash = sha256(manifestBytes);
  source.addBytes(manifestHash, manifestBytes);
  return { manifest, manifestHash, manifestBytes, source, files: packed, missing: layout.missing };
}

/** Stamps of the existing files, each read once. */
async function lookAtFiles(files: readonly SceneFile[], placeOf: (path: string) => string, signal: AbortSignal) {
  const stamps = new Map<string, FileStamp>();
  const present: SceneFile[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const stamp = file.missing ? undefined : (stamps.get(file.path) ?? (await stampAt(placeOf(file.path))));
    if (stamp) stamps.set(file.path, stamp);
    present.push({ ...file, missing: stamp === undefined });
  }
  return { present, stamps };
}

function manifestFile({ path, stamp, blocks }: BundledFile): ManifestFile {
  return { path, bytes: stamp.bytes, blocks: blocks.map(({ sha256: hash, bytes }) => ({ sha256: hash, bytes })) };
}

async function blocksOfFile(
  path: string,
  stamp: FileStamp | undefined,
  cache: FileBlocksCache | undefined,
  work: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<{ readonly blocks: FileBlock[]; readonly stamp: FileStamp }> {
  const known = stamp && (await cache?.find(path, stamp));
  if (known) return { blocks: known, stamp };
  await using file = await openAgain(path);
  const before = await fileStampOf(file);
  const blocks = await chunkFile(file, work.signal, work.onBytes);
  const after = await fileStampOf(file);
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
  if (!after || !sameStamp(before, after) || bytes !== after.bytes) {
    throw new FarmError("SCENE_CHANGED", `${path} changed while it was read`, { facts: { path } });
  }
  await cache?.put(path, after, blocks);
  return { blocks, stamp: after };
}

async function openAgain(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw new FarmError("SCENE_CHANGED", `${path} was removed while the scene was packed`, { facts: { path }, cause });
  }
}

/** Our own manifest is validated like a received one: what donors would refuse fails here, with its path. */
function checked(manifest: SceneManifest): SceneManifest {
  const parsed = SceneManifest.safeParse(manifest);
  if (parsed.success) return parsed.data;
  const advice = `A scene may have ${MANIFEST_LIMITS.maxFiles} files and ${MANIFEST_LIMITS.maxTotalBytes / 1024 ** 3} GiB.`;
  throw new FarmError("MANIFEST_INVALID", `the scene cannot be packed: ${parsed.error.issues[0]?.message ?? "unknown"}`, {
    cause: parsed.error,
    advice,
  });
}

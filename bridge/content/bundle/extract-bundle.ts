import { constants } from "node:fs";
import { chmod, mkdir, open, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FarmError } from "../../kernel/errors.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import { type ManifestFile, type SceneManifest, totalBytesOf } from "./manifest.ts";
import { pathsBelow } from "./native-path.ts";
import { bundlePathFault } from "./path-rules.ts";
import { remapFor } from "./remap.ts";

/** A scene as files on this machine. */
export interface ExtractedScene {
  readonly directory: string;
  /** Absolute path of the .blend, as seen by its Blender. */
  readonly scenePath: string;
  /** Absolute prefix as the .blend names it (or resolves it here) -> absolute path here; longest prefix wins. */
  readonly remap: Readonly<Record<string, string>>;
}

export interface ExtractRequest {
  readonly manifest: SceneManifest;
  /** Returns whole, verified blocks. */
  readonly store: { get(hash: Sha256, signal: AbortSignal): Promise<Uint8Array> };
  /** Must not exist; its parent must. */
  readonly directory: string;
  /** Path of that folder as seen by its Blender, if it differs: inside a sandbox. */
  readonly seenAt?: string;
  /** Limit of all files together. */
  readonly maxBytes?: number;
}

/**
 * Writes a bundle's files into a new folder, one block in memory at a time. Nothing is ever written
 * outside it: paths are checked again here, folders are new, files are opened exclusively and follow no link.
 * A failure removes the folder. Throws MANIFEST_INVALID, BLOCK_MISSING, DISK_FULL.
 */
export async function extractBundle(request: ExtractRequest, signal: AbortSignal): Promise<ExtractedScene> {
  const directory = resolve(request.directory);
  const bytes = totalBytesOf(request.manifest);
  if (request.maxBytes !== undefined && bytes > request.maxBytes) {
    throw new FarmError("DISK_FULL", "the scene is larger than the donated disk", { facts: { bytes, maxBytes: request.maxBytes } });
  }
  await makeFolder(directory);
  try {
    const folders = new Set([directory]);
    for (const file of request.manifest.files) await writeFile(directory, folders, file, { store: request.store, signal });
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC")
      throw new FarmError("DISK_FULL", "the disk is full", { facts: { bytes }, cause: error });
    throw error;
  }
  const root = request.seenAt ?? directory;
  return { directory, scenePath: pathInside(root, request.manifest.scene), remap: remapFor(request.manifest, root) };
}

/** The absolute path of a bundle path below `root`. Throws MANIFEST_INVALID for anything that could be outside. */
export function pathInside(root: string, path: string): string {
  const fault = bundlePathFault(path);
  const { join, sep } = pathsBelow(root);
  const absolute = join(root, ...path.split("/"));
  if (fault !== undefined || !absolute.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new FarmError("MANIFEST_INVALID", `a path of the bundle was refused: ${fault ?? "it is outside the bundle"}`);
  }
  return absolute;
}

async function writeFile(
  root: string,
  folders: Set<string>,
  file: ManifestFile,
  from: { readonly store: ExtractRequest["store"]; readonly signal: AbortSignal },
): Promise<void> {
  const path = pathInside(root, file.path);
  await makeFolders(dirname(path), folders);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  await using handle = await open(path, flags, 0o600);
  await handle.chmod(0o644);
  for (const block of file.blocks) {
    const bytes = await from.store.get(block.sha256, from.signal);
    if (bytes.length !== block.bytes)
      throw new FarmError("MANIFEST_INVALID", "a block does not have the size in the manifest", { facts: { hash: block.sha256 } });
    await handle.writeFile(bytes);
  }
}

/** Readable by everybody, since the user in a sandbox is unknown here. The outermost folder is closed to others. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  await chmod(folder, 0o755);
}

/** One level at a time and never an existing folder, so that no link is followed. */
async function makeFolders(folder: string, made: Set<string>): Promise<void> {
  if (made.has(folder)) return;
  await makeFolders(dirname(folder), made);
  try {
    await makeFolder(folder);
  } catch (error) {
    // If case is ignored, the folder may exist under another spelling, made by us a moment ago.
    const spelt = [...made].some((known) => known.toLowerCase() === folder.toLowerCase());
    if (!spelt) throw error;
  }
  made.add(folder);
}

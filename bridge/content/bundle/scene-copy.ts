import { constants } from "node:fs";
import { copyFile, link, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { changedScene } from "./changed-scene.ts";
import { type FileStamp, sameStamp, stampAt } from "./file-stamp.ts";
import { type ExtractedScene, pathInside } from "./extract-bundle.ts";
import type { PackedBundle, BundledFile } from "./pack.ts";
import { remapFor } from "./remap.ts";
import { stampIfUnchanged } from "./sent-files.ts";
import { systemDisk } from "../../kernel/disk.ts";

/**
 * A copy of a job's .blend as it was sent, in the layout that donors have, for when the original is overwritten.
 * Other files are links to the originals.
 */
export class SceneCopy {
  /** Of the copy of the .blend. */
  readonly path: string;
  readonly #tree: string;
  #waiting: string | undefined;

  constructor(folder: string) {
    this.path = join(folder, "sent.blend");
    this.#tree = join(folder, "tree");
  }

  /**
   * Copies the .blend into `waitingRoom` (on the same file system), instantly if the file system can clone files. False if
   * this failed, or if the file no longer had that stamp when it was copied.
   */
  async take(scene: string, stamp: FileStamp, waitingRoom: string): Promise<boolean> {
    const waiting = join(waitingRoom, "sent.part");
    try {
      await rm(waiting, { force: true });
      await copyFile(scene, waiting, constants.COPYFILE_FICLONE);
      if (!sameStamp(await stampAt(scene), stamp)) return false;
      this.#waiting = waiting;
      return true;
    } catch {
      return false; // a full disk, for instance: the job continues as long as the scene is unchanged
    }
  }

  /** Moves the copy to its final path, if there is one. */
  async keep(): Promise<void> {
    if (this.#waiting === undefined) return;
    await systemDisk.mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await rename(this.#waiting, this.path);
    this.#waiting = undefined;
  }

  /** Copies the copy to a path that does not exist. */
  async copyTo(place: string): Promise<void> {
    await copyFile(this.path, place, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }

  async isThere(): Promise<boolean> {
    return (await stampAt(this.path)) !== undefined;
  }

  /** Throws SCENE_CHANGED when the copy is not, byte for byte, the .blend that was packed. */
  async check(bundle: Pick<PackedBundle, "manifest" | "files">, signal: AbortSignal): Promise<BundledFile> {
    const scene = blendFileOf(bundle);
    if (!(await stampIfUnchanged({ source: this.path, blocks: scene.blocks }, signal))) throw changedScene(scene.source);
    return scene;
  }

  /**
   * Makes the scene's layout around the copy anew: old links may be outdated.
   * Throws SCENE_CHANGED as `check` does.
   */
  async layOut({ manifest, files }: Pick<PackedBundle, "manifest" | "files">, signal: AbortSignal): Promise<ExtractedScene> {
    const scene = await this.check({ manifest, files }, signal);
    await rm(this.#tree, { recursive: true, force: true });
    for (const file of files) {
      signal.throwIfAborted();
      const place = pathInside(this.#tree, file.path);
      await systemDisk.mkdir(dirname(place), { recursive: true, mode: 0o700 });
      await (file === scene ? placeCopy(this.path, place) : placeLink(file, place));
    }
    return { directory: this.#tree, scenePath: pathInside(this.#tree, manifest.scene), remap: remapFor(manifest, this.#tree) };
  }
}

/** No symbolic link: Blender must resolve paths in this folder, not in the one above. */
async function placeCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_FICLONE));
}

/** A symbolic link if the system allows one; a copy as the last resort. */
async function placeLink({ source }: BundledFile, to: string): Promise<void> {
  await symlink(source, to)
    .catch(() => link(source, to))
    .catch(() => copyFile(source, to, constants.COPYFILE_FICLONE));
}

/** The .blend among the files of a bundle. */
export function blendFileOf({ manifest, files }: Pick<PackedBundle, "manifest" | "files">): BundledFile {
  const scene = files.find(({ path }) => path === manifest.scene);
  if (!scene) throw new Error("a bundle without its scene");
  return scene;
}

import { constants } from "node:fs";
import { access, mkdtemp, readdir, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { isOutputDiskTimeout, OUTPUT_WAITS, awaitOutput } from "../../kernel/files/output-failure.ts";
import { makeFolder } from "../../kernel/files/make-folder.ts";
import { placeFile, syncFolder } from "../../kernel/files/atomic-file.ts";
import { systemWorld } from "../../kernel/world.ts";

/** A file that Blender wrote into the stage, and its final path. */
export interface StagedFile {
  readonly staged: string;
  readonly final: string;
  /** Part of the main output; false for a File Output node's. */
  readonly main: boolean;
}

/**
 * The folder for incomplete files: a dot-folder inside the output folder,
 * so that moving a file into place is a rename. If the output folder is removed during the job,
 * the next files go to a new one, as with Blender itself.
 */
export class FinishStage {
  readonly folder: string;
  readonly #outputFolder: string;
  #made: string | undefined;
  /** A subfolder that marks the stage as ours: Blender itself creates a folder with the stage's name if it is missing. */
  #mark = "";
  /** The file system no longer answers: no more calls are made. */
  #isUnresponsive = false;

  private constructor(outputFolder: string, name: string) {
    this.#outputFolder = outputFolder;
    this.folder = FinishStage.pathIn(outputFolder, name);
  }

  static pathIn(outputFolder: string, name: string): string {
    return path.join(outputFolder, name);
  }

  /** Makes the output folder if it is missing, and an empty stage in it. Throws OUTPUT_NOT_WRITABLE, DISK_FULL. */
  static async make(outputFolder: string, name: string): Promise<FinishStage> {
    const stage = new FinishStage(outputFolder, name);
    await stage.#answer(outputFolder, async () => {
      const made = await makeFolder(systemDisk, outputFolder);
      await access(outputFolder, constants.W_OK);
      await rm(stage.folder, { recursive: true, force: true });
      await makeFolder(systemDisk, stage.folder);
      await stage.#leaveMark();
      stage.#made = made;
    });
    return stage;
  }

  /** Moves a file into place and syncs its bytes; `settle` syncs its name. Throws OUTPUT_NOT_WRITABLE, DISK_FULL. */
  async deliver({ staged, final, main }: StagedFile): Promise<WrittenFile> {
    const { size } = await this.#answer(staged, () => stat(staged));
    const limitMs = OUTPUT_WAITS.deliverMs + size / OUTPUT_WAITS.deliverBytesPerMs;
    const place = async () => {
      const made = await makeFolder(systemDisk, path.dirname(final));
      const bytes = await placeFile(systemDisk, staged, final);
      if (made !== undefined) await syncNames(made, path.dirname(final));
      return bytes;
    };
    return { path: final, bytes: await this.#answer(final, place, limitMs), main };
  }

  /** Syncs the names of files in these folders. Throws OUTPUT_NOT_WRITABLE. */
  async settle(files: readonly { readonly path: string }[]): Promise<void> {
    for (const folder of new Set(files.map((file) => path.dirname(file.path))))
      await this.#answer(folder, () => syncFolder(systemDisk, folder), OUTPUT_WAITS.deliverMs);
  }

  /**
   * Removes files that a failed frame left; the folders, which Blender's paths use, stay. A missing stage is made again.
   * Throws OUTPUT_NOT_WRITABLE, DISK_FULL.
   */
  async empty(): Promise<void> {
    if (this.#isUnresponsive) return;
    // Once more if it is removed at this moment.
    const again = (error: unknown) => (isMissing(error) ? this.#emptyNow() : Promise.reject(error as Error));
    await this.#answer(this.folder, () => this.#emptyNow().catch(again));
  }

  async #emptyNow(): Promise<void> {
    const made = await makeFolder(systemDisk, this.folder);
    if (made !== undefined && made !== this.folder) this.#made = made;
    for (const entry of await readdir(this.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isDirectory()) await rm(path.join(entry.parentPath, entry.name), { force: true });
    }
    if (!(await isThere(this.#mark))) await this.#leaveMark();
  }

  /** Whether the stage was removed (with the output folder) since it was last emptied. */
  async hasGone(): Promise<boolean> {
    return !this.#isUnresponsive && !(await this.#answer(this.folder, () => isThere(this.#mark)));
  }

  async #leaveMark(): Promise<void> {
    this.#mark = await mkdtemp(path.join(this.folder, "mark-"));
  }

  /** Removes the stage, and the output folder if it was made here and is empty. */
  async remove(): Promise<void> {
    if (this.#isUnresponsive) return;
    await this.#answer(this.folder, async () => {
      await rm(this.folder, { recursive: true, force: true });
      for (let folder = this.#outputFolder; this.#made !== undefined && folder.startsWith(this.#made); folder = path.dirname(folder)) {
        if (!(await removeIfEmpty(folder))) return;
      }
    });
  }

  async #answer<T>(where: string, call: () => Promise<T>, limitMs: number = OUTPUT_WAITS.answerMs): Promise<T> {
    try {
      return await awaitOutput(call(), { where, limitMs, time: systemWorld });
    } catch (error) {
      this.#isUnresponsive ||= isOutputDiskTimeout(error);
      throw error;
    }
  }
}

/** Folders just made, from the first one's parent down to the last one's. */
async function syncNames(first: string, last: string): Promise<void> {
  for (let folder = path.dirname(last); folder.length >= path.dirname(first).length; folder = path.dirname(folder)) {
    await syncFolder(systemDisk, folder);
    if (folder === path.dirname(folder)) return;
  }
}

async function isThere(folder: string): Promise<boolean> {
  return await stat(folder).then(
    () => true,
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch {
    return false; // not empty, or already removed
  }
}

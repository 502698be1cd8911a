import { constants } from "node:fs";
import { access, copyFile, mkdir, mkdtemp, readdir, rename, rm, rmdir } from "node:fs/promises";
import path from "node:path";
import { FarmError, messageOf } from "../kernel/errors.ts";

/** A file that Blender wrote into the stage, and where it belongs. */
export interface StagedFile {
  readonly staged: string;
  readonly final: string;
  /** Part of the main output; false for a File Output node's. */
  readonly main: boolean;
}

/**
 * The folder in which files are written before they are whole: a dot-folder inside the output folder,
 * so that moving a file into place is a rename.
 */
export class FinishStage {
  readonly folder: string;
  readonly #made: string | undefined;
  readonly #outputFolder: string;

  private constructor(outputFolder: string, name: string, made: string | undefined) {
    this.#outputFolder = outputFolder;
    this.folder = FinishStage.pathIn(outputFolder, name);
    this.#made = made;
  }

  static pathIn(outputFolder: string, name: string): string {
    return path.join(outputFolder, name);
  }

  /** Makes the output folder where it is missing, and an empty stage in it. Throws OUTPUT_NOT_WRITABLE, DISK_FULL. */
  static async make(outputFolder: string, name: string): Promise<FinishStage> {
    try {
      const made = await mkdir(outputFolder, { recursive: true });
      await access(outputFolder, constants.W_OK);
      const stage = new FinishStage(outputFolder, name, made);
      await rm(stage.folder, { recursive: true, force: true });
      await mkdir(stage.folder);
      await rmdir(await mkdtemp(path.join(stage.folder, "probe-")));
      return stage;
    } catch (error) {
      throw asOutputError(error, outputFolder);
    }
  }

  /** Moves a file into place and returns its final path. Throws OUTPUT_NOT_WRITABLE, DISK_FULL. */
  async deliver(file: StagedFile): Promise<string> {
    try {
      await mkdir(path.dirname(file.final), { recursive: true });
      await move(file.staged, file.final);
      return file.final;
    } catch (error) {
      throw asOutputError(error, file.final);
    }
  }

  /** Takes out what a failed frame left; the folders, which Blender has been told of, stay. */
  async empty(): Promise<void> {
    for (const entry of await readdir(this.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isDirectory()) await rm(path.join(entry.parentPath, entry.name), { force: true });
    }
  }

  /** Removes the stage, and the output folder when it was made here and nothing came to lie in it. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    for (let folder = this.#outputFolder; this.#made !== undefined && folder.startsWith(this.#made); folder = path.dirname(folder)) {
      if (!(await removeIfEmpty(folder))) return;
    }
  }
}

async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch {
    return false; // something lies in it, or somebody else removed it
  }
}

/** A rename; across file systems a copy beside the target first, so that no half file ever has the final name. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const beside = path.join(path.dirname(to), `.${path.basename(to)}.part`);
    try {
      await copyFile(from, beside);
      await rename(beside, to);
    } catch (cause) {
      await rm(beside, { force: true });
      throw cause;
    }
    await rm(from);
  }
}

function asOutputError(error: unknown, where: string): FarmError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOSPC" || code === "EDQUOT") return new FarmError("DISK_FULL", `no space is left for ${where}`, { cause: error });
  return new FarmError("OUTPUT_NOT_WRITABLE", `${where} cannot be written (${code || messageOf(error)})`, { cause: error });
}

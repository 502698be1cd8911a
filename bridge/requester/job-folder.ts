import { copyFile, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ChunkId, DonorId } from "../core/plan/chunk.ts";
import type { WrittenFile } from "../core/ledger/written-file.ts";
import { type Sha256, sha256 } from "../kernel/ids.ts";
import { makeFolder } from "../kernel/files/make-folder.ts";
import { OUTPUT_WAITS, outputAnswer } from "../kernel/files/output-failure.ts";
import { placeFile, syncFolder } from "../kernel/files/place-file.ts";
import { removeFolder } from "../kernel/files/remove-folder.ts";
import type { JobFiles } from "./ports.ts";

/** The files of one job between its first chunk and its last picture. */
export class JobFolder implements JobFiles {
  readonly root: string;
  readonly assembled: string;
  readonly local: string;
  readonly tiles: string;
  /** The job's copy of what was sent. */
  readonly scene: string;
  readonly #results: string;

  constructor(jobsFolder: string, job: string) {
    this.root = join(jobsFolder, job);
    this.assembled = join(this.root, "assembled");
    this.local = join(this.root, "local");
    this.tiles = join(this.root, "tiles");
    this.scene = join(this.root, "scene");
    this.#results = join(this.root, "results");
  }

  async create(): Promise<void> {
    await this.#clear();
    for (const folder of [this.assembled, this.local, this.tiles, this.#results]) await mkdir(folder, { recursive: true });
  }

  /** Never shared: two results of the same content (an empty tile, a frame that stands still) are two files, so that each has one writer and one owner. */
  resultPath(chunk: ChunkId, donor: DonorId, hash: Sha256): string {
    return join(this.#results, `${sha256(Buffer.from(`${chunk}\n${donor}`)).slice(0, 32)}-${hash}`);
  }

  async sweepResults(kept: ReadonlySet<string>): Promise<void> {
    const here = (await readdir(this.#results)).map((name) => join(this.#results, name));
    await this.remove(here.filter((path) => !kept.has(path)));
  }

  tilePath(name: string): string {
    return join(this.tiles, name);
  }

  async sizeOf(path: string): Promise<number | undefined> {
    const found = await stat(path).catch(() => undefined);
    return found?.isFile() ? found.size : undefined;
  }

  async sync(path: string): Promise<void> {
    await using handle = await open(path, "r+");
    await handle.sync();
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await rm(path, { force: true });
  }

  async deliver(from: string, to: string): Promise<WrittenFile> {
    const beside = join(dirname(to), `.${basename(to)}.part`);
    const place = async () => {
      await makeFolder(dirname(to));
      try {
        await copyFile(from, beside);
        const bytes = await placeFile(beside, to);
        await syncFolder(dirname(to));
        return { path: to, bytes, main: true };
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    };
    return await outputAnswer(place(), { where: to, limitMs: OUTPUT_WAITS.deliverMs });
  }

  /** Of an ended job only its assembled floats stay, until somebody has taken them. */
  async keepRaw(): Promise<void> {
    await this.#clear();
    for (const folder of [this.#results, this.scene]) await rm(folder, { recursive: true, force: true });
  }

  async #clear(): Promise<void> {
    for (const folder of [this.local, this.tiles]) await rm(folder, { recursive: true, force: true });
  }

  /** All that was kept of the job. */
  async dispose(): Promise<void> {
    await removeFolder(this.root);
  }
}

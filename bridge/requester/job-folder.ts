import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256 } from "../kernel/ids.ts";

/** The files of one job between its first chunk and its last picture. */
export class JobFolder {
  readonly root: string;
  readonly assembled: string;
  readonly local: string;
  readonly tiles: string;

  constructor(jobsFolder: string, job: string) {
    this.root = join(jobsFolder, job);
    this.assembled = join(this.root, "assembled");
    this.local = join(this.root, "local");
    this.tiles = join(this.root, "tiles");
  }

  async create(): Promise<void> {
    await this.#clear();
    for (const folder of [this.assembled, this.local, this.tiles, join(this.root, "results")]) await mkdir(folder, { recursive: true });
  }

  /** Result files are named by their hash: a file that is here whole needs no second transfer. */
  result(hash: Sha256): string {
    return join(this.root, "results", hash);
  }

  /** Of an ended job only its assembled floats stay, until somebody has taken them. */
  async keepFloats(): Promise<void> {
    await this.#clear();
    await rm(join(this.root, "results"), { recursive: true, force: true });
  }

  async #clear(): Promise<void> {
    for (const folder of [this.local, this.tiles]) await rm(folder, { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

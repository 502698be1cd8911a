import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256 } from "../kernel/ids.ts";

/** The files of one job between its first chunk and its last picture. */
export class JobFolder {
  readonly root: string;
  readonly assembled: string;
  readonly local: string;

  constructor(jobsFolder: string, job: string) {
    this.root = join(jobsFolder, job);
    this.assembled = join(this.root, "assembled");
    this.local = join(this.root, "local");
  }

  async create(): Promise<void> {
    await rm(this.local, { recursive: true, force: true });
    for (const folder of [this.assembled, this.local, join(this.root, "results")]) await mkdir(folder, { recursive: true });
  }

  /** Result files are named by their hash: a file that is here whole needs no second transfer. */
  result(hash: Sha256): string {
    return join(this.root, "results", hash);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

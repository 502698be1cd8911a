import { basename, dirname, join } from "node:path";
import type { ChunkId, DonorId } from "../core/plan/chunk.ts";
import type { WrittenFile } from "../core/ledger/written-file.ts";
import type { Disk } from "../kernel/disk.ts";
import { type Sha256, sha256 } from "../kernel/ids.ts";
import { makeFolder } from "../kernel/files/make-folder.ts";
import { OUTPUT_WAITS, awaitOutput } from "../kernel/files/output-failure.ts";
import { placeFile, syncFile, syncFolder } from "../kernel/files/atomic-file.ts";
import { removeFolder } from "../kernel/files/remove-folder.ts";
import type { Time, World } from "../kernel/world.ts";
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
  readonly #world: Time & Pick<World, "disk">;

  constructor(world: Time & Pick<World, "disk">, jobsFolder: string, job: string) {
    this.#world = world;
    this.root = join(jobsFolder, job);
    this.assembled = join(this.root, "assembled");
    this.local = join(this.root, "local");
    this.tiles = join(this.root, "tiles");
    this.scene = join(this.root, "scene");
    this.#results = join(this.root, "results");
  }

  get #disk(): Disk {
    return this.#world.disk;
  }

  async create(): Promise<void> {
    await this.#clear();
    for (const folder of [this.assembled, this.local, this.tiles, this.#results]) await this.#disk.mkdir(folder, { recursive: true });
  }

  /** Never shared: two results of the same content (an empty tile, a frame that stands still) are two files, so that each has one writer and one owner. */
  resultPath(chunk: ChunkId, donor: DonorId, hash: Sha256): string {
    return join(this.#results, `${sha256(Buffer.from(`${chunk}\n${donor}`)).slice(0, 32)}-${hash}`);
  }

  async sweepResults(kept: ReadonlySet<string>): Promise<void> {
    const here = (await this.#disk.readdir(this.#results)).map((name) => join(this.#results, name));
    await this.remove(here.filter((path) => !kept.has(path)));
  }

  tiledPath(path: string): string {
    return join(this.local, `tiled-${basename(path)}`);
  }

  tilePath(name: string): string {
    return join(this.tiles, name);
  }

  async sizeOf(path: string): Promise<number | undefined> {
    const found = await this.#disk.stat(path).catch(() => undefined);
    return found?.isFile() ? found.size : undefined;
  }

  async sync(path: string): Promise<void> {
    await syncFile(this.#disk, path);
  }

  async move(from: string, to: string): Promise<void> {
    await this.#disk.rename(from, to);
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.#disk.rm(path, { force: true });
  }

  async deliver(from: string, to: string): Promise<WrittenFile> {
    const disk = this.#disk;
    const beside = join(dirname(to), `.${basename(to)}.part`);
    const place = async () => {
      await makeFolder(disk, dirname(to));
      try {
        await disk.copyFile(from, beside);
        const bytes = await placeFile(disk, beside, to);
        await syncFolder(disk, dirname(to));
        return { path: to, bytes, main: true };
      } catch (error) {
        await disk.rm(beside, { force: true });
        throw error;
      }
    };
    return await awaitOutput(place(), { where: to, limitMs: OUTPUT_WAITS.deliverMs, time: this.#world });
  }

  /** Of an ended job only its assembled raw frames stay, until somebody has taken them. */
  async keepRaw(): Promise<void> {
    await this.#clear();
    for (const folder of [this.#results, this.scene]) await this.#disk.rm(folder, { recursive: true, force: true });
  }

  async #clear(): Promise<void> {
    for (const folder of [this.local, this.tiles]) await this.#disk.rm(folder, { recursive: true, force: true });
  }

  /** All that was kept of the job. */
  async dispose(): Promise<void> {
    await removeFolder(this.#disk, this.root);
  }
}

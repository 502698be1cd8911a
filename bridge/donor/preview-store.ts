import { join } from "node:path";
import type { Disk } from "../kernel/disk.ts";
import { makeWhole } from "../kernel/files/atomic-file.ts";
import type { Previews } from "./ports.ts";

/** The last preview of each open job, as files in a folder that is removed with this process. */
export class PreviewStore implements Previews {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #pictures = new Map<string, string>();
  #count = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** The newest preview is last. */
  get pictures(): readonly { readonly job: string; readonly path: string }[] {
    return [...this.#pictures].map(([job, path]) => ({ job, path }));
  }

  async take(job: string, path: string): Promise<void> {
    const known = this.#pictures.get(job);
    const place = known ?? join(this.#folder, `${this.#count++}.jpg`);
    try {
      const copy = (beside: string) => this.#disk.copyFile(path, beside);
      await makeWhole(this.#disk, place, copy, { beside: `${place}.new` }); // readers never see a partial file
    } catch {
      return;
    }
    this.#pictures.delete(job);
    this.#pictures.set(job, place);
  }

  async clear(job: string): Promise<void> {
    const place = this.#pictures.get(job);
    this.#pictures.delete(job);
    if (place !== undefined) await this.#disk.rm(place, { force: true });
  }
}

import { dirname, join, resolve } from "node:path";
import { GATEWAY_LIMITS } from "../../gateway/wire/limits.ts";
import type { IncomingFile } from "../../gateway/ports.ts";
import type { Disk, OpenFile } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/world.ts";
import { asWriteFailure } from "../../media/write-beside.ts";

/** The folder of an uploaded scene and the files made from it; undefined for any other path. */
export function uploadFolderOf(uploads: string, scenePath: string): string | undefined {
  const folder = dirname(resolve(scenePath));
  return dirname(folder) === resolve(uploads) ? folder : undefined;
}

/** Removes uploads that no job uses, left by an earlier bridge. */
export async function sweepUploads(disk: Disk, uploads: string, isUsed: (folder: string) => boolean): Promise<void> {
  for (const name of await disk.readdir(uploads)) {
    const folder = join(resolve(uploads), name);
    if (!isUsed(folder)) await disk.rm(folder, { recursive: true, force: true });
  }
}

/** Uploaded scenes of clients, each in its own folder. */
export class Uploads {
  readonly #world: Pick<World, "random" | "disk">;
  readonly #root: string;
  readonly #isUsed: (folder: string) => boolean;
  #open = 0;

  /** `isUsed` returns whether a job uses a folder. */
  constructor(world: Pick<World, "random" | "disk">, root: string, isUsed: (folder: string) => boolean) {
    this.#world = world;
    this.#root = resolve(root);
    this.#isUsed = isUsed;
  }

  /** Throws TOO_MANY_UPLOADS, DISK_FULL. */
  async receive(name: string, bytes: number): Promise<IncomingFile> {
    if (this.#open >= GATEWAY_LIMITS.maxUploads) throw new FarmError("TOO_MANY_UPLOADS", `${this.#open} files are being uploaded`);
    this.#open++;
    const ended = () => void this.#open--;
    const { random, disk } = this.#world;
    const folder = join(this.#root, random.bytes(16).toString("hex"));
    const path = join(folder, name);
    try {
      await requireRoom(disk, this.#root, bytes);
      await disk.mkdir(folder, { mode: 0o700 });
      const file = await disk.open(path, "own", 0o600);
      return new UploadedFile({ disk, file, path, folder }, ended, () => this.#isUsed(folder));
    } catch (error) {
      ended();
      await disk.rm(folder, { recursive: true, force: true });
      throw asWriteFailure(error, path);
    }
  }
}

interface Place {
  readonly disk: Disk;
  readonly file: OpenFile;
  readonly path: string;
  readonly folder: string;
}

class UploadedFile implements IncomingFile {
  readonly #place: Place;
  readonly #isUsed: () => boolean;
  #ended: (() => void) | undefined;
  #bytes = 0;

  constructor(place: Place, ended: () => void, isUsed: () => boolean) {
    this.#place = place;
    this.#ended = ended;
    this.#isUsed = isUsed;
  }

  async write(data: Uint8Array): Promise<void> {
    const { file, path } = this.#place;
    try {
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await file.write(data, done, data.length - done, this.#bytes);
        done += bytesWritten;
        this.#bytes += bytesWritten;
      }
    } catch (error) {
      throw asWriteFailure(error, path);
    }
  }

  async finish(): Promise<string> {
    try {
      await this.#close();
    } catch (error) {
      throw asWriteFailure(error, this.#place.path);
    }
    return this.#place.path;
  }

  async drop(): Promise<void> {
    await this.#close().catch(() => {}); // the upload is dropped after a failed write
    await this.#place.disk.rm(this.#place.folder, { recursive: true, force: true });
  }

  async leave(): Promise<void> {
    if (!this.#isUsed()) await this.drop();
  }

  /** Closed once, and counted once. */
  async #close(): Promise<void> {
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.();
    if (ended) await this.#place.file.close();
  }
}

/** Throws DISK_FULL if so many bytes do not fit; passes if the free space is unknown. */
async function requireRoom(disk: Disk, folder: string, bytes: number): Promise<void> {
  const room = await disk.freeBytes(folder).catch(() => Number.POSITIVE_INFINITY);
  if (bytes > room)
    throw new FarmError("DISK_FULL", `the upload has ${bytes} bytes, and only ${room} are free`, { advice: "Free some space." });
}

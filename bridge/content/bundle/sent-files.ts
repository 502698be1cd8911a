import { open } from "node:fs/promises";
import { chunkFile } from "../blocks/chunker.ts";
import { type FileStamp, stampWithoutOpening, sameStamp, fileStampOf } from "./file-stamp.ts";
import type { BundledFile } from "./pack.ts";

/** How many files are checked at once: a scene may read ten thousand. */
const LOOKS_AT_ONCE = 16;

/** The original files of a scene, and whether they are still what was packed. */
export class SentFiles {
  readonly #files: readonly BundledFile[];
  readonly #stamps: Map<string, FileStamp>;

  constructor(files: readonly BundledFile[]) {
    this.#files = files;
    this.#stamps = new Map(files.map(({ source, stamp }) => [source, stamp]));
  }

  /** The first file whose content has changed; a file that was only touched is read again and does not count. */
  async firstChanged(signal: AbortSignal, except: ReadonlySet<string> = new Set()): Promise<string | undefined> {
    for (let at = 0; at < this.#files.length; at += LOOKS_AT_ONCE) {
      signal.throwIfAborted();
      const some = this.#files.slice(at, at + LOOKS_AT_ONCE).filter(({ source }) => !except.has(source));
      const asSent = await Promise.all(some.map((file) => this.#isAsSent(file, signal)));
      const changed = some[asSent.indexOf(false)];
      if (changed) return changed.source;
    }
    return undefined;
  }

  async #isAsSent(file: BundledFile, signal: AbortSignal): Promise<boolean> {
    const stamp = await stampWithoutOpening(file.source);
    if (sameStamp(stamp, this.#stamps.get(file.source))) return true;
    if (stamp?.bytes !== file.stamp.bytes) return false;
    const read = await stampIfUnchanged(file, signal);
    if (read !== undefined) this.#stamps.set(file.source, read);
    return read !== undefined;
  }
}

/** The stamp of a file whose bytes equal what was packed; undefined otherwise. */
export async function stampIfUnchanged({ source, blocks }: Pick<BundledFile, "source" | "blocks">, signal: AbortSignal) {
  try {
    await using file = await open(source, "r");
    const before = await fileStampOf(file);
    const now = await chunkFile(file, signal);
    const same = now.length === blocks.length && now.every(({ sha256 }, index) => sha256 === blocks[index]?.sha256);
    return same && sameStamp(before, await fileStampOf(file)) ? before : undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined; // missing or unreadable
  }
}

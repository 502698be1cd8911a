import { readdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { FarmError } from "../../kernel/errors.ts";
import { type Sha256, SHA256_PATTERN } from "../../kernel/ids.ts";

interface Entry {
  readonly bytes: number;
  /** The file's time stamp, so that the order of use outlives the process. */
  writtenAtMs: number;
}

/** A use is written to the disk at most this often. */
const TOUCH_EVERY_MS = 600_000;

/** The index of a store, in order of use, with pins. It deletes no files. */
export class StoreIndex {
  #capBytes: number;
  /** Least recently used first: a map keeps insertion order. */
  readonly #entries = new Map<Sha256, Entry>();
  readonly #pins = new Map<Sha256, number>();
  #storedBytes = 0;
  #reservedBytes = 0;

  constructor(capBytes: number, found: readonly { hash: Sha256; bytes: number; usedAtMs: number }[]) {
    this.#capBytes = capBytes;
    for (const { hash, bytes, usedAtMs } of [...found].sort((a, b) => a.usedAtMs - b.usedAtMs)) this.add(hash, bytes, usedAtMs);
  }

  get usedBytes(): number {
    return this.#storedBytes + this.#reservedBytes;
  }

  sizeOf(hash: Sha256): number | undefined {
    return this.#entries.get(hash)?.bytes;
  }

  list(): { hash: Sha256; bytes: number }[] {
    return [...this.#entries].map(([hash, entry]) => ({ hash, bytes: entry.bytes }));
  }

  add(hash: Sha256, bytes: number, nowMs: number): void {
    this.delete(hash);
    this.#entries.set(hash, { bytes, writtenAtMs: nowMs });
    this.#storedBytes += bytes;
  }

  delete(hash: Sha256): void {
    this.#storedBytes -= this.#entries.get(hash)?.bytes ?? 0;
    this.#entries.delete(hash);
  }

  /** Marks as used now; the file's time stamp is updated now and then, best effort. */
  touch(hash: Sha256, nowMs: number, path: string): void {
    const entry = this.#entries.get(hash);
    if (!entry) return;
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    if (nowMs - entry.writtenAtMs < TOUCH_EVERY_MS) return;
    entry.writtenAtMs = nowMs;
    utimes(path, nowMs / 1000, nowMs / 1000).catch(() => {});
  }

  pin(hashes: Iterable<Sha256>): Disposable {
    const pinned = new Set(hashes);
    for (const hash of pinned) this.#pins.set(hash, (this.#pins.get(hash) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const hash of pinned) this.#unpin(hash);
        pinned.clear();
      },
    };
  }

  /**
   * Reserves `bytes` until `unreserve`; evicted entries are removed from the index and returned.
   * Throws DISK_FULL when even that is not enough; nothing is evicted then.
   */
  reserve(bytes: number): Sha256[] {
    const over = this.usedBytes + bytes - this.#capBytes;
    const { evicted, freed } = this.#oldest(over);
    if (freed < over) {
      throw new FarmError("DISK_FULL", "the store has reached its limit, and everything in it is in use", {
        facts: { capBytes: this.#capBytes, usedBytes: this.usedBytes, neededBytes: bytes },
        advice: "Increase the store's limit (--disk), or end some jobs.",
      });
    }
    for (const hash of evicted) this.delete(hash);
    this.#reservedBytes += bytes;
    return evicted;
  }

  /** Changes the limit; unpinned entries over it are removed from the index and returned. */
  resize(capBytes: number): Sha256[] {
    this.#capBytes = capBytes;
    const { evicted } = this.#oldest(this.usedBytes - capBytes);
    for (const hash of evicted) this.delete(hash);
    return evicted;
  }

  /** The entries to evict for so many bytes; undefined if there are not enough. */
  #oldest(bytes: number): { readonly evicted: Sha256[]; readonly freed: number } {
    const evicted: Sha256[] = [];
    let freed = 0;
    for (const [hash, entry] of this.#entries) {
      if (freed >= bytes) break;
      if (this.#pins.has(hash)) continue;
      evicted.push(hash);
      freed += entry.bytes;
    }
    return { evicted, freed };
  }

  unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  #unpin(hash: Sha256): void {
    const count = this.#pins.get(hash) ?? 0;
    if (count > 1) this.#pins.set(hash, count - 1);
    else this.#pins.delete(hash);
  }
}

/** The contents of a store's folder; files not named by a hash are ignored. */
export async function scanStore(directory: string): Promise<{ hash: Sha256; bytes: number; usedAtMs: number }[]> {
  const found: { hash: Sha256; bytes: number; usedAtMs: number }[] = [];
  for (const folder of await readdir(directory, { withFileTypes: true })) {
    if (!folder.isDirectory() || !/^[0-9a-f]{2}$/u.test(folder.name)) continue;
    const names = (await readdir(join(directory, folder.name))).filter((name) => SHA256_PATTERN.test(name) && name.startsWith(folder.name));
    const stats = await Promise.all(names.map((name) => stat(join(directory, folder.name, name))));
    stats.forEach((file, index) => {
      if (file.isFile()) found.push({ hash: names[index] as string, bytes: file.size, usedAtMs: file.mtimeMs });
    });
  }
  return found;
}

import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../kernel/time/clock.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";
import { moveFile, syncFile, syncFolder } from "../../kernel/files/atomic-file.ts";
import { type Sha256, SHA256_PATTERN, sha256 } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { BlockSource } from "./block-source.ts";
import { isErrno, hashAndSizeOf, readExactly, writeNewFile } from "./disk.ts";
import { scanStore, StoreIndex } from "./store-index.ts";

export interface BlockStoreDeps {
  readonly clock: Clock;
  readonly log: Log;
}

export interface BlockStoreOptions {
  /** Used by this store alone; created when it is missing. */
  readonly directory: string;
  /** Limit of all contents together, including pinned ones. */
  readonly capBytes: number;
}

/** Opens a store, and removes partial files of a killed process. */
export async function openBlockStore(options: BlockStoreOptions, deps: BlockStoreDeps): Promise<BlockStore> {
  await rm(join(options.directory, "tmp"), { recursive: true, force: true });
  await systemDisk.mkdir(join(options.directory, "tmp"), { recursive: true, mode: 0o700 });
  await systemDisk.mkdir(join(options.directory, "blocks"), { recursive: true, mode: 0o700 });
  return new BlockStore(options, deps, await scanStore(join(options.directory, "blocks")));
}

/**
 * Content on disk under its SHA-256: scene blocks and result files. A name appears by rename, after
 * its bytes are synced; over the limit, the least recently used unpinned contents are evicted first.
 */
export class BlockStore implements BlockSource {
  readonly #directory: string;
  readonly #deps: BlockStoreDeps;
  readonly #index: StoreIndex;
  readonly #writing = new Map<Sha256, Promise<void>>();
  /** Those of `#writing` that have reserved their space. */
  readonly #landing = new Set<Sha256>();

  /** Use `openBlockStore`. */
  constructor(options: BlockStoreOptions, deps: BlockStoreDeps, found: readonly { hash: Sha256; bytes: number; usedAtMs: number }[]) {
    this.#directory = options.directory;
    this.#deps = deps;
    this.#index = new StoreIndex(options.capBytes, found);
  }

  get usedBytes(): number {
    return this.#index.usedBytes;
  }

  has(hash: Sha256): boolean {
    return this.#index.sizeOf(hash) !== undefined;
  }

  list(): readonly { readonly hash: Sha256; readonly bytes: number }[] {
    return this.#index.list();
  }

  async sizeOf(hash: Sha256): Promise<number | undefined> {
    return this.#index.sizeOf(hash);
  }

  /** Path of a content, for programs that read files; keep it pinned meanwhile. Undefined when it is not stored. */
  pathOf(hash: Sha256): string | undefined {
    return this.has(hash) ? this.#pathOf(hash) : undefined;
  }

  /** Protects these contents (also ones not stored yet) from eviction until disposed. */
  pin(hashes: Iterable<Sha256>): Disposable {
    return this.#index.pin(hashes);
  }

  /** Reserves `bytes` of the limit for other files on the same disk, until disposed. Throws DISK_FULL. */
  async hold(bytes: number): Promise<Disposable> {
    for (const old of this.#index.reserve(bytes)) await rm(this.#pathOf(old), { force: true });
    let held = bytes;
    return {
      [Symbol.dispose]: () => {
        this.#index.unreserve(held);
        held = 0;
      },
    };
  }

  /** Changes the limit; evicts what is over it and not in use. */
  async resize(capBytes: number): Promise<void> {
    for (const old of this.#index.resize(capBytes)) await rm(this.#pathOf(old), { force: true });
  }

  /** Stores a block. Throws BLOCK_CORRUPT when the bytes do not match the hash, DISK_FULL. */
  async put(hash: Sha256, bytes: Uint8Array): Promise<void> {
    if (!SHA256_PATTERN.test(hash) || sha256(bytes) !== hash) {
      throw new FarmError("BLOCK_CORRUPT", "a block's bytes do not match its hash", { facts: { hash } });
    }
    await this.#once(hash, bytes.length, async () => {
      const temporary = this.#temporary();
      await writeNewFile(temporary, bytes);
      await this.#settle(temporary, hash);
    });
  }

  /**
   * Moves a finished file into the store under its hash.
   * Throws BLOCK_CORRUPT when it is not the `expected` one, DISK_FULL.
   */
  async putFile(
    path: string,
    expected: { readonly hash?: Sha256; readonly bytes?: number },
    signal: AbortSignal,
  ): Promise<{ hash: Sha256; bytes: number }> {
    const { hash, bytes } = await hashAndSizeOf(path, signal);
    if ((expected.hash ?? hash) !== hash || (expected.bytes ?? bytes) !== bytes) {
      throw new FarmError("BLOCK_CORRUPT", "a file does not match its hash", { facts: { hash: expected.hash, bytes } });
    }
    await this.adopt(path, { hash, bytes });
    return { hash, bytes };
  }

  /** As `putFile`, for a file whose hash and size the caller has just computed. Throws DISK_FULL. */
  async adopt(path: string, { hash, bytes }: { readonly hash: Sha256; readonly bytes: number }): Promise<void> {
    await this.#once(hash, bytes, async () => {
      const temporary = this.#temporary();
      await moveFile(systemDisk, path, temporary);
      await syncFile(systemDisk, temporary);
      await this.#settle(temporary, hash);
      await syncFolder(systemDisk, join(this.#directory, "blocks", hash.slice(0, 2)));
    });
    await rm(path, { force: true });
  }

  /** The whole content, verified. Throws BLOCK_MISSING, also when it was corrupted on the disk (it is then removed). */
  async get(hash: Sha256, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = this.#index.sizeOf(hash);
    if (bytes === undefined) throw missing(hash);
    return await this.read(hash, 0, bytes, signal);
  }

  async read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const size = this.#index.sizeOf(hash);
    if (size === undefined) throw missing(hash);
    this.#touch(hash);
    const bytes = await readExactly(this.#pathOf(hash), offset, length).catch(() => undefined);
    if (bytes !== undefined && (length < size || sha256(bytes) === hash)) return bytes;
    this.#deps.log.warn({ hash }, "a stored block was corrupted on disk and is removed");
    await this.#remove(hash);
    throw missing(hash);
  }

  /** Removes a content now, pinned or not; does nothing when it is not stored. */
  async remove(hash: Sha256): Promise<void> {
    await this.#remove(hash);
  }

  /** Concurrent puts of one content are one write. */
  async #once(hash: Sha256, bytes: number, write: () => Promise<void>): Promise<void> {
    if (this.has(hash)) return this.#touch(hash);
    const running = this.#writing.get(hash);
    if (running) return await running;
    const written = this.#reserveAndWrite(hash, bytes, write).finally(() => this.#writing.delete(hash));
    this.#writing.set(hash, written);
    await written;
  }

  async #reserveAndWrite(hash: Sha256, bytes: number, write: () => Promise<void>): Promise<void> {
    const evicted = await this.#reserve(hash, bytes);
    try {
      for (const old of evicted) await rm(this.#pathOf(old), { force: true });
      await write();
      this.#index.add(hash, bytes, this.#deps.clock.now());
    } catch (cause) {
      if (isErrno(cause, "ENOSPC") || isErrno(cause, "EDQUOT"))
        throw new FarmError("DISK_FULL", "the disk is full", { cause, facts: { bytes } });
      throw cause;
    } finally {
      this.#landing.delete(hash);
      this.#index.unreserve(bytes);
    }
  }

  /** Contents being written cannot be evicted yet: DISK_FULL is thrown only once those writes are done. */
  async #reserve(hash: Sha256, bytes: number): Promise<Sha256[]> {
    while (true) {
      try {
        const evicted = this.#index.reserve(bytes);
        this.#landing.add(hash);
        return evicted;
      } catch (error) {
        const others = [...this.#landing].map((other) => this.#writing.get(other));
        if (others.length === 0) throw error;
        await Promise.race(others.map(async (write) => await write?.catch(() => {})));
      }
    }
  }

  async #settle(temporary: string, hash: Sha256): Promise<void> {
    await systemDisk.mkdir(join(this.#directory, "blocks", hash.slice(0, 2)), { recursive: true, mode: 0o700 });
    await rename(temporary, this.#pathOf(hash));
  }

  #touch(hash: Sha256): void {
    this.#index.touch(hash, this.#deps.clock.now(), this.#pathOf(hash));
  }

  async #remove(hash: Sha256): Promise<void> {
    this.#index.delete(hash);
    await rm(this.#pathOf(hash), { force: true });
  }

  #temporary(): string {
    return join(this.#directory, "tmp", randomUUID());
  }

  #pathOf(hash: Sha256): string {
    return join(this.#directory, "blocks", hash.slice(0, 2), hash);
  }
}

function missing(hash: Sha256): FarmError {
  return new FarmError("BLOCK_MISSING", "the store does not have this block", { facts: { hash } });
}

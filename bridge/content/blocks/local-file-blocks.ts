import { open } from "node:fs/promises";
import { FarmError } from "../../kernel/errors.ts";
import { type Sha256, sha256 } from "../../kernel/ids.ts";
import type { BlockSource } from "./block-source.ts";
import { changedScene } from "../bundle/changed-scene.ts";

interface Place {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Blocks read from the user's own files, or from copies of them: changed bytes are never served. */
export class LocalFileBlocks implements BlockSource {
  readonly #places = new Map<Sha256, Place>();
  readonly #inMemory = new Map<Sha256, Uint8Array>();
  readonly #copies: ReadonlyMap<string, string>;

  /** `copies`: copies of files, by path, from which blocks are read once the file itself has changed. */
  constructor(copies: ReadonlyMap<string, string> = new Map()) {
    this.#copies = copies;
  }

  addBlock(hash: Sha256, place: Place): void {
    if (!this.#places.has(hash)) this.#places.set(hash, place);
  }

  addBytes(hash: Sha256, bytes: Uint8Array): void {
    this.#inMemory.set(hash, bytes);
  }

  async sizeOf(hash: Sha256): Promise<number | undefined> {
    return this.#inMemory.get(hash)?.length ?? this.#places.get(hash)?.bytes;
  }

  /** The whole block is read and checked whatever the range. Throws SCENE_CHANGED, BLOCK_MISSING. */
  async read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const kept = this.#inMemory.get(hash);
    if (kept) return kept.subarray(offset, offset + length);
    const place = this.#places.get(hash);
    if (!place) throw new FarmError("BLOCK_MISSING", "the scene has no such block", { facts: { hash } });
    const bytes = await this.#readWhole(hash, place);
    return bytes.subarray(offset, offset + length);
  }

  async #readWhole(hash: Sha256, place: Place): Promise<Uint8Array> {
    try {
      return await readChecked(hash, place);
    } catch (error) {
      const path = this.#copies.get(place.path);
      if (path === undefined) throw error;
      // The error names the file, which has changed, not the copy.
      return await readChecked(hash, { ...place, path }).catch(() => Promise.reject(error));
    }
  }
}

async function readChecked(hash: Sha256, place: Place): Promise<Uint8Array> {
  const bytes = await readPlace(place);
  if (sha256(bytes) !== hash) throw changedScene(place.path);
  return bytes;
}

async function readPlace(place: Place): Promise<Uint8Array> {
  const bytes = new Uint8Array(place.bytes);
  try {
    await using file = await open(place.path, "r");
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, place.offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (cause) {
    throw changedScene(place.path, cause);
  }
  return bytes;
}

import { appendFile, readFile, writeFile } from "node:fs/promises";
import PQueue from "p-queue";
import type { BlockStore } from "./block-store.ts";
import { hashAndSizeOf } from "./disk.ts";
import { SHA256_PATTERN } from "../../kernel/ids.ts";

interface Held {
  /** How often it was added and not dropped, by requester: equal results are one file. */
  readonly uses: Map<string, number>;
  readonly pin: Disposable;
}

/**
 * Results that wait for their requesters; each can be fetched by its requester only. Their hashes are stored, so that a
 * donor that was killed wipes them when it starts again.
 */
export class ResultsForPickup {
  readonly #blocks: BlockStore;
  readonly #listFile: string;
  readonly #held = new Map<string, Held>();
  /** One at a time: a removed result's file may be that of an equal one being added. */
  readonly #turns = new PQueue({ concurrency: 1 });

  private constructor(blocks: BlockStore, listFile: string) {
    this.#blocks = blocks;
    this.#listFile = listFile;
  }

  static async open(blocks: BlockStore, listFile: string): Promise<ResultsForPickup> {
    const left = await readFile(listFile, "utf8").catch(() => "");
    for (const hash of left.split("\n")) if (SHA256_PATTERN.test(hash)) await blocks.remove(hash);
    await writeFile(listFile, "", { mode: 0o600 });
    return new ResultsForPickup(blocks, listFile);
  }

  /** Undefined for anything else. */
  isFor(hash: string, peer: string): boolean | undefined {
    return this.#held.get(hash)?.uses.has(peer);
  }

  /** Adds a finished file. Throws DISK_FULL. */
  async keep(path: string, peer: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
    const file = await hashAndSizeOf(path, new AbortController().signal);
    await this.#turns.add(() => this.#take(path, file, peer));
    return { sha256: file.hash, bytes: file.bytes };
  }

  async #take(path: string, file: { readonly hash: string; readonly bytes: number }, peer: string): Promise<void> {
    await this.#blocks.adopt(path, file);
    let held = this.#held.get(file.hash);
    if (!held) {
      held = { uses: new Map(), pin: this.#blocks.pin([file.hash]) };
      this.#held.set(file.hash, held);
      await appendFile(this.#listFile, `${file.hash}\n`);
    }
    held.uses.set(peer, (held.uses.get(peer) ?? 0) + 1);
  }

  /** Drops one use; after the last one the file is removed. */
  async drop(hash: string, peer: string): Promise<void> {
    await this.#turns.add(() => this.#drop(hash, peer));
  }

  async #drop(hash: string, peer: string): Promise<void> {
    const held = this.#held.get(hash);
    const uses = held?.uses.get(peer) ?? 0;
    if (!held || uses === 0) return;
    if (uses > 1) held.uses.set(peer, uses - 1);
    else held.uses.delete(peer);
    if (held.uses.size > 0) return;
    this.#held.delete(hash);
    held.pin[Symbol.dispose]();
    await this.#blocks.remove(hash);
    if (this.#held.size === 0) await writeFile(this.#listFile, "", { mode: 0o600 });
  }
}

import { FarmError } from "../../kernel/errors.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { BlockSource } from "./block-source.ts";

/** Several sources as one: a content is read from the first that has it. */
export class CompositeBlockSource implements BlockSource {
  readonly #sources: readonly BlockSource[];

  constructor(sources: readonly BlockSource[]) {
    this.#sources = sources;
  }

  async sizeOf(hash: Sha256): Promise<number | undefined> {
    return (await this.#find(hash))?.bytes;
  }

  async read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const found = await this.#find(hash);
    if (found === undefined) throw new FarmError("BLOCK_MISSING", "no source has this block or file", { facts: { hash } });
    return await found.source.read(hash, offset, length, signal);
  }

  async #find(hash: Sha256): Promise<{ readonly source: BlockSource; readonly bytes: number } | undefined> {
    for (const source of this.#sources) {
      const bytes = await source.sizeOf(hash);
      if (bytes !== undefined) return { source, bytes };
    }
    return undefined;
  }
}

import type { Sha256 } from "../../kernel/ids.ts";

/** Blocks and files by hash, as served by the blocks protocol. */
export interface BlockSource {
  /** Size in bytes; undefined when this source does not have it. */
  sizeOf(hash: Sha256): Promise<number | undefined>;
  /**
   * `length` bytes from `offset`; the range lies inside the content. A read of all of it is checked against the hash.
   * Throws BLOCK_MISSING when it does not exist (any more), SCENE_CHANGED when its file has changed.
   */
  read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

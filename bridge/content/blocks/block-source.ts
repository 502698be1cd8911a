import type { Sha256 } from "../../kernel/ids.ts";

/** Content by hash, as the blocks protocol serves it. */
export interface BlockSource {
  /** Size in bytes; undefined when this source does not have it. */
  sizeOf(hash: Sha256): Promise<number | undefined>;
  /**
   * `length` bytes from `offset`; the range lies inside the content. A read of all of it is checked against the hash.
   * Throws BLOCK_MISSING when it is not (or no longer) there, SCENE_CHANGED when it is cut from a file that changed.
   */
  read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

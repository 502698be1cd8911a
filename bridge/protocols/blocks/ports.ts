import type { Sha256 } from "../../kernel/ids.ts";

/** Port: the source of served blocks and files. Implemented by the content room's sources and store. */
export interface ServedBlocks {
  sizeOf(hash: Sha256): Promise<number | undefined>;
  /** `length` bytes from `offset`, inside the content. Throws a FarmError when it cannot. */
  read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** Port: the store of fetched blocks. */
export interface BlockSink {
  has(hash: Sha256): boolean;
  /** Verifies the bytes against the hash: throws BLOCK_CORRUPT. Throws DISK_FULL. */
  put(hash: Sha256, bytes: Uint8Array): Promise<void>;
}

/** A wanted block, with its size in the manifest. */
export interface WantedBlock {
  readonly hash: Sha256;
  readonly bytes: number;
}

export interface BlockProgress {
  readonly blocksDone: number;
  readonly blocksTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

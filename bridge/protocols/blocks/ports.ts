import type { Sha256 } from "../../kernel/ids.ts";

/** Port: where served content comes from. The content room's sources and store are such. */
export interface BlockSource {
  sizeOf(hash: Sha256): Promise<number | undefined>;
  /** `length` bytes from `offset`, inside the content. Throws a FarmError when it cannot. */
  read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** Port: where fetched blocks go. */
export interface BlockSink {
  has(hash: Sha256): boolean;
  /** Checks the bytes against the hash: throws BLOCK_CORRUPT. Throws DISK_FULL. */
  put(hash: Sha256, bytes: Uint8Array): Promise<void>;
}

/** A block that is wanted, with the size its manifest promises. */
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

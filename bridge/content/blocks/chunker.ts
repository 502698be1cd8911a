import type { FileHandle } from "node:fs/promises";
import { type Sha256, sha256 } from "../../kernel/ids.ts";

/** Block sizes in bytes. The whole swarm must agree on them, or equal files would have different blocks. */
export const CHUNKER_SIZES = { minBytes: 256 * 1024, averageBytes: 1024 * 1024, maxBytes: 4 * 1024 * 1024 } as const;

export interface FileBlock {
  readonly sha256: Sha256;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * FastCDC's gear table: 256 numbers from xorshift32 seeded with 0x9e3779b9 (the golden ratio), one
 * step each. Part of the bundle format: another table would cut every file elsewhere.
 */
export const GEAR: Int32Array = makeGear();

/** Normalised chunking, level 2: two bits harder before the average size, two bits easier after it. The top bits see the most bytes. */
const HARD_MASK = topBits(22);
const EASY_MASK = topBits(18);

/**
 * Length of the first block of `bytes` (all that is left of a file, or at least `maxBytes` of it).
 * Depends on the content alone, so an insertion moves few cuts.
 */
export function firstChunkLength(bytes: Uint8Array): number {
  const { minBytes, averageBytes, maxBytes } = CHUNKER_SIZES;
  if (bytes.length <= minBytes) return bytes.length;
  const end = Math.min(bytes.length, maxBytes);
  const middle = Math.min(end, averageBytes);
  // The hash forgets a byte after 32 more: starting there keeps the cut independent of where the block began.
  let hash = 0;
  let at = minBytes - 32;
  for (; at < minBytes; at++) hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
  for (; at < middle; at++) {
    hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
    if ((hash & HARD_MASK) === 0) return at + 1;
  }
  for (; at < end; at++) {
    hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
    if ((hash & EASY_MASK) === 0) return at + 1;
  }
  return end;
}

/**
 * Cuts and hashes an open file from its start. Each read is awaited, and one turn of work is one block
 * (at most 4 MiB, some 10 to 20 ms), so the event loop stays free.
 */
export async function chunkFile(file: FileHandle, signal: AbortSignal, onBytes: (bytes: number) => void = () => {}): Promise<FileBlock[]> {
  const buffer = new Uint8Array(CHUNKER_SIZES.maxBytes * 2);
  const blocks: FileBlock[] = [];
  let start = 0;
  let filled = 0;
  let offset = 0;
  let ended = false;
  while (true) {
    while (!ended && filled - start < CHUNKER_SIZES.maxBytes) {
      signal.throwIfAborted();
      if (buffer.length - filled < CHUNKER_SIZES.maxBytes) {
        buffer.copyWithin(0, start, filled);
        filled -= start;
        start = 0;
      }
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled - start);
      ended = bytesRead === 0;
      filled += bytesRead;
    }
    if (filled === start) return blocks;
    const length = firstChunkLength(buffer.subarray(start, filled));
    blocks.push({ sha256: sha256(buffer.subarray(start, start + length)), offset, bytes: length });
    start += length;
    offset += length;
    onBytes(length);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function makeGear(): Int32Array {
  const table = new Int32Array(256);
  let state = 0x9e3779b9 | 0;
  for (let index = 0; index < table.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    table[index] = state;
  }
  return table;
}

function topBits(count: number): number {
  return -1 << (32 - count);
}

import { ChunkDecoder } from "./decode-chunk.ts";
import type { ExrFile } from "./exr-file.ts";
import { exrInvalid } from "./exr-invalid.ts";
import { ForwardReader } from "./forward-reader.ts";
import { EXR_LIMITS } from "./limits.ts";
import type { ExrPart } from "./header.ts";

/** Whole scanlines of one part. */
export interface DecodedScanlines {
  readonly part: ExrPart;
  /** Counted from the top of the picture. */
  readonly firstRow: number;
  readonly rows: number;
  /** Row after row, in each the part's channels in order, in each `width` 32-bit little-endian floats. Valid until the next block. */
  readonly bytes: Uint8Array;
}

/** True when the scanlines are needed; of others only the offsets are checked. */
export type ScanlineBlockPredicate = (part: ExrPart, firstRow: number, rows: number) => boolean;

/**
 * Reads every chunk of the file once, in order, and decodes those for which `wanted` is true.
 *
 * The chunks must fill the file from the offset tables to its end, each at its offset: nothing
 * may overlap, leave a gap or be outside. Throws EXR_INVALID.
 */
export function forEachBlock(file: ExrFile, visit: (block: DecodedScanlines) => void, wanted: ScanlineBlockPredicate = () => true): void {
  const reader = new ForwardReader(file.descriptor, { from: file.chunksStart, to: file.bytes });
  const decoder = new ChunkDecoder();
  for (let done = 0; done < file.chunkCount; done++) {
    const chunk = readChunkLead(file, reader);
    const { part, firstRow, rows } = chunk;
    if (wanted(part, firstRow, rows)) visit({ part, firstRow, rows, bytes: decoder.decode(part, rows, reader.take(chunk.bytes)) });
    else reader.skip(chunk.bytes);
  }
  if (reader.position !== file.bytes) throw exrInvalid("it has data after its last scanline");
}

interface ChunkLead {
  readonly part: ExrPart;
  readonly firstRow: number;
  readonly rows: number;
  readonly bytes: number;
}

function readChunkLead(file: ExrFile, reader: ForwardReader): ChunkLead {
  const start = reader.position;
  const { multiPart, parts } = file.header;
  const part = parts[multiPart ? reader.take(4).readInt32LE() : 0];
  if (!part) throw exrInvalid("a chunk belongs to no part");
  const lead = reader.take(8);
  const firstRow = lead.readInt32LE(0) - part.dataWindow.yMin;
  const bytes = lead.readInt32LE(4);
  const index = firstRow / part.rowsPerChunk;
  if (!Number.isInteger(index) || index < 0 || index >= part.chunkCount) throw exrInvalid("a chunk starts at an invalid row");
  if (file.offsetOf(part, index) !== start) throw exrInvalid("a chunk is not where the offset table says");
  const rows = Math.min(part.rowsPerChunk, part.height - firstRow);
  const ends = reader.position + bytes;
  if (bytes < 1 || bytes > Math.min(rows * part.bytesPerRow, EXR_LIMITS.maxChunkBytes) || ends > file.bytes)
    throw exrInvalid("a chunk has the wrong size");
  return { part, firstRow, rows, bytes };
}

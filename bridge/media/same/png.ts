import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { type ImageDataSegments, samePieces } from "./image-data-segments.ts";

/** Chunks of metadata; colour profiles and gamma are not among them. */
const METADATA: readonly string[] = ["tEXt", "zTXt", "iTXt", "tIME", "eXIf"];

/** Whether two PNGs hold the same pixels. If their streams differ, as with another zlib, both are decompressed one after the other. */
export function samePng(ours: Buffer, theirs: Buffer): boolean {
  const left = takeApart(ours);
  const right = takeApart(theirs);
  if (!samePieces(left.chunks, right.chunks)) return false;
  if (left.packed.equals(right.packed)) return true;
  const pixels = pixelHash(left);
  return pixels !== undefined && pixels === pixelHash(right);
}

interface Apart {
  /** Everything except pixels and metadata. */
  readonly chunks: ImageDataSegments;
  readonly header: Buffer;
  readonly packed: Buffer;
}

function takeApart(bytes: Buffer): Apart {
  const chunks: Buffer[] = [];
  const data: Buffer[] = [];
  let header: Buffer = Buffer.alloc(0);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at);
    const name = bytes.toString("latin1", at + 4, at + 8);
    const value = bytes.subarray(at + 8, end);
    if (name === "IHDR") header = value;
    if (name === "IDAT") data.push(value);
    else if (!METADATA.includes(name)) chunks.push(bytes.subarray(at + 4, end));
    at = end + 4;
  }
  return { chunks, header, packed: Buffer.concat(data) };
}

/** Samples of a pixel, by the header's colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Of the unfiltered rows; undefined for an interlaced or damaged picture. */
function pixelHash({ header, packed }: Apart): string | undefined {
  const samples = SAMPLES[header[9] ?? -1];
  if (header.length !== 13 || samples === undefined || header[12] !== 0) return undefined;
  const bitsPerPixel = samples * (header[8] ?? 0);
  const rowBytes = Math.ceil((header.readUInt32BE(0) * bitsPerPixel) / 8);
  const wanted = header.readUInt32BE(4) * (rowBytes + 1);
  const rows = inflated(packed, wanted);
  if (rows?.length !== wanted) return undefined;
  const hash = createHash("sha256");
  let above: Uint8Array = new Uint8Array(rowBytes);
  for (let at = 0; at < wanted; at += rowBytes + 1) {
    const row = rows.subarray(at + 1, at + 1 + rowBytes);
    unfilter(rows[at] ?? 0, row, { above, step: Math.max(1, bitsPerPixel >> 3) });
    hash.update(row);
    above = row;
  }
  return hash.digest("hex");
}

/** At most the number of bytes by the header, which is equal to our own picture's. */
function inflated(packed: Buffer, mostBytes: number): Buffer | undefined {
  try {
    return inflateSync(packed, { maxOutputLength: Math.max(1, mostBytes) });
  } catch {
    return undefined;
  }
}

type Predict = (left: number, above: number, aboveLeft: number) => number;

/** PNG's filters by their number. https://www.w3.org/TR/png-3/#9Filters */
const PREDICTORS: readonly Predict[] = [() => 0, (left) => left, (_left, above) => above, (left, above) => (left + above) >> 1, paeth];

function unfilter(filter: number, row: Uint8Array, { above, step }: { readonly above: Uint8Array; readonly step: number }): void {
  const predict = PREDICTORS[filter] ?? paeth;
  if (filter === 0) return;
  for (let at = 0; at < row.length; at++) {
    const left = at < step ? 0 : (row[at - step] ?? 0);
    const aboveLeft = at < step ? 0 : (above[at - step] ?? 0);
    row[at] = (row[at] ?? 0) + predict(left, above[at] ?? 0, aboveLeft);
  }
}

function paeth(left: number, above: number, aboveLeft: number): number {
  const estimate = left + above - aboveLeft;
  const [toLeft, toAbove, toAboveLeft] = [Math.abs(estimate - left), Math.abs(estimate - above), Math.abs(estimate - aboveLeft)];
  if (toLeft <= toAbove && toLeft <= toAboveLeft) return left;
  return toAbove <= toAboveLeft ? above : aboveLeft;
}

import { closeSync, fstatSync, openSync } from "node:fs";
import { isFarmError } from "../../kernel/errors.ts";
import { ByteCursor, UnexpectedEndOfData } from "../exr/byte-cursor.ts";
import { ExrFile, readExrBytes } from "../exr/exr-file.ts";
import { exrInvalid } from "../exr/exr-invalid.ts";
import { ForwardReader } from "../exr/forward-reader.ts";
import { channelNames } from "../exr/header.ts";
import { EXR_LIMITS } from "../exr/limits.ts";
import { readRectangle } from "../exr/read-rectangle.ts";

/** Bytes of each file, and floats of each picture, in memory at a time. */
const PIECE_BYTES = { stored: 64 * 1024, decoded: 16 * 1024 * 1024 } as const;

/**
 * Whether two EXRs hold the same pixels: their headers agree about the pixels, and the stored chunks are equal, whether
 * compressed, tiled or split into parts. If chunks differ, as with another zlib, they are decoded if our reader supports them.
 */
export function sameExr(ours: string, theirs: string): boolean {
  try {
    using left = StoredExr.open(ours);
    using right = StoredExr.open(theirs);
    if (!left.head.told.equals(right.head.told)) return false;
    return sameChunks(left, right) || sameDecoded(ours, theirs);
  } catch (error) {
    if (isFarmError(error, "EXR_INVALID")) return false;
    throw error;
  }
}

interface Head {
  /** The attributes about the pixels. */
  readonly told: Buffer;
  /** Offset of the offset tables. */
  readonly bytes: number;
}

class StoredExr implements Disposable {
  readonly descriptor: number;
  readonly bytes: number;
  readonly head: Head;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
    this.bytes = fstatSync(descriptor).size;
    this.head = readHead(descriptor, this.bytes);
  }

  static open(path: string): StoredExr {
    const descriptor = openSync(path, "r");
    try {
      return new StoredExr(descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Everything after the header. */
  body(): ForwardReader {
    return new ForwardReader(this.descriptor, { from: this.head.bytes, to: this.bytes });
  }

  get bodyBytes(): number {
    return this.bytes - this.head.bytes;
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }
}

function readHead(descriptor: number, fileBytes: number): Head {
  const most = Math.min(fileBytes, EXR_LIMITS.maxHeaderBytes);
  for (let length = Math.min(most, PIECE_BYTES.stored); ; length = Math.min(most, length * 8)) {
    try {
      return parseHead(readExrBytes(descriptor, 0, length));
    } catch (error) {
      if (!(error instanceof UnexpectedEndOfData)) throw error;
      if (length === most) throw exrInvalid("its header does not end");
    }
  }
}

/** Bits of the version field: long names (which metadata may need); several parts. */
const FLAGS = { longNames: 0x400, multiPart: 0x1000 } as const;
/** String attributes that describe a part; all others are metadata. */
const DESCRIBING_TEXTS: readonly string[] = ["name", "type", "view"];

function parseHead(bytes: Buffer): Head {
  const cursor = new ByteCursor(bytes);
  cursor.take(4);
  const version = cursor.uint32();
  const isMultiPart = (version & FLAGS.multiPart) !== 0;
  const told: Buffer[] = [Buffer.from(String(version & ~FLAGS.longNames))];
  for (let name = cursor.name(); name !== ""; name = cursor.name()) {
    do {
      const type = cursor.name();
      const value = cursor.take(Math.max(0, cursor.int32()));
      const isMetadata = type === "preview" || (type === "string" && !DESCRIBING_TEXTS.includes(name));
      if (!isMetadata) told.push(Buffer.from(`\0${name}\0${type}\0`), Buffer.from(value));
      name = cursor.name();
    } while (name !== "");
    told.push(Buffer.from("\0\0"));
    if (!isMultiPart) break;
  }
  return { told: Buffer.concat(told), bytes: cursor.position };
}

/** The offset tables, counted from the end of the header (metadata move the rest), and every byte after them. */
function sameChunks(ours: StoredExr, theirs: StoredExr): boolean {
  if (ours.bodyBytes !== theirs.bodyBytes) return false;
  const left = ours.body();
  const right = theirs.body();
  for (let first = ours.bytes; left.position < first; ) {
    const place = left.take(8).readBigUInt64LE();
    if (place - BigInt(ours.head.bytes) !== right.take(8).readBigUInt64LE() - BigInt(theirs.head.bytes)) return false;
    first = Math.min(first, Number(place)); // the tables end where the first chunk begins
  }
  while (left.position < ours.bytes) {
    const length = Math.min(PIECE_BYTES.stored, ours.bytes - left.position);
    if (!left.take(length).equals(right.take(length))) return false;
  }
  return true;
}

/** Throws EXR_INVALID for what our reader does not decode: then the bytes are compared. */
function sameDecoded(ours: string, theirs: string): boolean {
  using left = ExrFile.open(ours);
  using right = ExrFile.open(theirs);
  const names = channelNames(left.header);
  const { width, height } = left;
  const rows = Math.max(1, Math.floor(PIECE_BYTES.decoded / (width * names.length * 4)));
  for (let top = 0; top < height; top += rows) {
    const area = { left: 0, top, width, height: Math.min(rows, height - top) };
    const theirBits = readRectangle(right, area, names);
    for (const [name, bits] of readRectangle(left, area, names)) {
      if (!sameBits(bits, theirBits.get(name))) return false;
    }
  }
  return true;
}

function sameBits(ours: Uint32Array, theirs: Uint32Array | undefined): boolean {
  const bytes = (bits: Uint32Array) => Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength);
  return theirs !== undefined && bytes(ours).equals(bytes(theirs));
}

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { UnexpectedEndOfData } from "./byte-cursor.ts";
import { exrInvalid } from "./exr-invalid.ts";
import { EXR_COMPRESSION, type ExrHeader, type ExrPart, parseExrHeader } from "./header.ts";
import { EXR_LIMITS } from "./limits.ts";

const FIRST_READ_BYTES = 64 * 1024;
const DECODED: readonly number[] = Object.values(EXR_COMPRESSION);

/** An open EXR with validated headers; its pixels have not been read. */
export class ExrFile implements Disposable {
  readonly descriptor: number;
  readonly bytes: number;
  readonly header: ExrHeader;
  /** First byte after the offset tables. */
  readonly chunksStart: number;
  readonly #offsets: Buffer;
  readonly #firstChunk: readonly number[];

  private constructor(descriptor: number, bytes: number, header: ExrHeader) {
    this.descriptor = descriptor;
    this.bytes = bytes;
    this.header = header;
    const starts = [0];
    for (const part of header.parts) starts.push((starts.at(-1) ?? 0) + part.chunkCount);
    this.#firstChunk = starts;
    const tableBytes = this.chunkCount * 8;
    this.chunksStart = header.bytes + tableBytes;
    if (this.chunksStart > bytes) throw exrInvalid("it ends inside its offset table");
    this.#offsets = readExrBytes(descriptor, header.bytes, tableBytes);
  }

  /**
   * Opens a picture and parses its headers. Blocks; meant for a worker thread.
   *
   * Throws EXR_INVALID for anything but a regular file of at most `maxBytes` with headers that this
   * reader takes: scanlines, NONE, ZIPS or ZIP, half or float, all parts of one size at the origin.
   */
  static open(path: string, maxBytes = Number.MAX_SAFE_INTEGER): ExrFile {
    const descriptor = openSync(path, "r");
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw exrInvalid("it is not a file");
      if (stat.size > maxBytes) throw exrInvalid(`it has ${stat.size} bytes, ${maxBytes} are allowed`);
      const header = readHeader(descriptor, stat.size);
      for (const part of header.parts) judgePart(part, header.parts[0] as ExrPart);
      return new ExrFile(descriptor, stat.size, header);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  get width(): number {
    return (this.header.parts[0] as ExrPart).width;
  }

  get height(): number {
    return (this.header.parts[0] as ExrPart).height;
  }

  /** Over all parts. */
  get chunkCount(): number {
    return this.#firstChunk.at(-1) ?? 0;
  }

  /** A chunk's offset according to the file. */
  offsetOf(part: ExrPart, chunk: number): number {
    const at = ((this.#firstChunk[part.index] ?? 0) + chunk) * 8;
    return this.#offsets.readUInt32LE(at) + this.#offsets.readUInt32LE(at + 4) * 2 ** 32;
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }
}

/** Reads exactly that many bytes; EXR_INVALID when the file ends before. */
export function readExrBytes(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  if (readFully(descriptor, bytes, position) < length) throw exrInvalid("it ends too early");
  return bytes;
}

/** @returns how many bytes were read: fewer than requested only at the file's end. */
export function readFully(descriptor: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const read = readSync(descriptor, into, done, into.length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

function readHeader(descriptor: number, fileBytes: number): ExrHeader {
  const cap = Math.min(fileBytes, EXR_LIMITS.maxHeaderBytes);
  for (let length = Math.min(cap, FIRST_READ_BYTES); ; length = Math.min(cap, length * 8)) {
    try {
      return parseExrHeader(readExrBytes(descriptor, 0, length));
    } catch (error) {
      if (!(error instanceof UnexpectedEndOfData)) throw error;
      if (length === cap) throw exrInvalid(cap === fileBytes ? "it ends inside its header" : `its header is over ${cap} bytes`);
    }
  }
}

function judgePart(part: ExrPart, first: ExrPart): void {
  if (!DECODED.includes(part.compression))
    throw exrInvalid("only NONE, ZIPS and ZIP compression are supported", { compression: part.compression });
  if (!isWholePicture(part)) throw exrInvalid("its windows are not one rectangle at the origin");
  if (part.width !== first.width || part.height !== first.height) throw exrInvalid("its parts differ in size");
  if (part.bytesPerRow * part.rowsPerChunk > EXR_LIMITS.maxChunkBytes) throw exrInvalid("its chunks are too big");
}

/** As Blender writes also a cropped render: the data window is the whole picture, and starts at 0. */
function isWholePicture({ dataWindow, displayWindow, width, height }: ExrPart): boolean {
  return [dataWindow, displayWindow].every((box) => box.xMin === 0 && box.yMin === 0 && box.xMax === width - 1 && box.yMax === height - 1);
}

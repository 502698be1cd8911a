import { inflateSync } from "node:zlib";
import { exrInvalid } from "./exr-invalid.ts";
import { EXR_COMPRESSION, type ExrPart } from "./header.ts";

/** Deflate's maximal compression ratio: a smaller chunk is invalid, found before anything is allocated. */
const MAX_DEFLATE_RATIO = 1032;

/** Decodes chunks to float scanlines, in memory that is reused for the next one. */
export class ChunkDecoder {
  #values: Uint8Array = new Uint8Array(0);
  #halves: Uint8Array = new Uint8Array(0);

  /**
   * Decodes one chunk: line by line, channel by channel, 32-bit values; halves are widened exactly.
   * @returns a view that is valid until the next call, aligned for 32-bit access.
   */
  decode(part: ExrPart, rows: number, stored: Uint8Array): Uint8Array {
    const rawBytes = rows * part.bytesPerRow;
    const floatBytes = rows * part.channels.length * part.width * 4;
    if (rawBytes === floatBytes) {
      this.#values = grown(this.#values, floatBytes);
      unpack(part, stored, this.#values.subarray(0, rawBytes));
    } else {
      this.#halves = grown(this.#halves, rawBytes);
      unpack(part, stored, this.#halves.subarray(0, rawBytes));
      this.#values = grown(this.#values, floatBytes);
      widen(part, rows, { from: this.#halves, to: this.#values });
    }
    return this.#values.subarray(0, floatBytes);
  }
}

function grown(buffer: Uint8Array, bytes: number): Uint8Array {
  return buffer.length >= bytes ? buffer : new Uint8Array(bytes);
}

function unpack(part: ExrPart, stored: Uint8Array, raw: Uint8Array): void {
  // OpenEXR stores a chunk as it is when compression would not make it smaller.
  if (stored.length === raw.length) raw.set(stored);
  else if (part.compression === EXR_COMPRESSION.none || stored.length > raw.length) throw exrInvalid("a chunk has the wrong size");
  else undoPrediction(inflate(stored, raw.length), raw);
}

function inflate(stored: Uint8Array, rawBytes: number): Uint8Array {
  if (stored.length * MAX_DEFLATE_RATIO < rawBytes) throw exrInvalid("a chunk is too small for its pixels");
  let inflated: { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  try {
    const options = { maxOutputLength: rawBytes, chunkSize: Math.max(rawBytes, 64), info: true } as const;
    // The typings do not know what `info` returns: https://nodejs.org/api/zlib.html#class-options
    inflated = inflateSync(stored, options) as unknown as typeof inflated;
  } catch (error) {
    throw exrInvalid("a chunk cannot be inflated", { zlib: error instanceof Error ? error.message : String(error) });
  }
  if (inflated.buffer.length !== rawBytes) throw exrInvalid("a chunk holds too few pixels");
  if (inflated.engine.bytesWritten !== stored.length) throw exrInvalid("a chunk is longer than its data");
  return inflated.buffer;
}

/** Reverses ZIP's two predictors in one pass: each byte is a difference, and even bytes come before odd ones. */
function undoPrediction(from: Uint8Array, to: Uint8Array): void {
  const length = from.length;
  const evens = (length + 1) >> 1;
  let value = 128;
  for (let i = 0, o = 0; i < evens; i++, o += 2) {
    value = (value + (from[i] as number) + 128) & 255;
    to[o] = value;
  }
  for (let i = evens, o = 1; i < length; i++, o += 2) {
    value = (value + (from[i] as number) + 128) & 255;
    to[o] = value;
  }
}

function widen(part: ExrPart, rows: number, bytes: { readonly from: Uint8Array; readonly to: Uint8Array }): void {
  const from = new DataView(bytes.from.buffer, bytes.from.byteOffset);
  const to = new Uint32Array(bytes.to.buffer, bytes.to.byteOffset);
  let read = 0;
  let write = 0;
  for (let row = 0; row < rows; row++) {
    for (const channel of part.channels) {
      for (let x = 0; x < part.width; x++, read += channel.bytesPerValue) {
        to[write++] = channel.bytesPerValue === 4 ? from.getUint32(read, true) : floatBitsOfHalf(from.getUint16(read, true));
      }
    }
  }
}

/** The bits of the float that equals a half: exact for every value, NaN payloads included. */
export function floatBitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  const shift = Math.clz32(fraction) - 21; // a subnormal half is a normal float
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13)) >>> 0;
}

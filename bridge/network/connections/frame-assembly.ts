import { FarmError } from "../../kernel/errors.ts";
import { FRAME_STREAM_LIMITS } from "../../protocols/frame-stream.ts";

export const FRAME_HEADER_BYTES = 4;

/** The length prefix of a frame: u32, big-endian. Throws RangeError over the limit, which is a bug. */
export function frameHeader(frame: Uint8Array): Uint8Array {
  if (frame.byteLength > FRAME_STREAM_LIMITS.maxFrameBytes) {
    throw new RangeError(`a frame of ${frame.byteLength} bytes is over the limit of ${FRAME_STREAM_LIMITS.maxFrameBytes}`);
  }
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, frame.byteLength);
  return header;
}

/** Smaller pieces are copied together, so that a peer that sends single bytes does not cost an object for each. */
const SMALL_PIECE_BYTES = 2 * 1024;
const GATHER_BYTES = 16 * 1024;

/** Assembles frames from pieces of any size. Allocates a frame only when all of it has arrived. */
export class FrameAssembly {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #gathered = new Uint8Array(0);
  #gatheredBytes = 0;
  /** The length of the current frame, once its prefix has arrived. */
  #wanted: number | undefined;

  /** Buffered bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True between frames, where an end of stream is clean. */
  get isBetweenFrames(): boolean {
    return this.#bytes === 0 && this.#wanted === undefined;
  }

  push(piece: Uint8Array): void {
    if (piece.byteLength < SMALL_PIECE_BYTES) this.#gather(piece);
    else this.#pieces.push(piece);
    this.#bytes += piece.byteLength;
  }

  /** The next whole frame, if there is one. Throws PEER_BROKE_PROTOCOL as soon as a prefix is over the limit. */
  next(): Uint8Array | undefined {
    const length = this.#length();
    if (length === undefined || this.#bytes < length) return undefined;
    this.#wanted = undefined;
    return this.#take(length);
  }

  /** True when `next` would return a frame or throw. */
  get isReady(): boolean {
    if (this.#wanted !== undefined) return this.#bytes >= this.#wanted;
    if (this.#bytes < FRAME_HEADER_BYTES) return false;
    const length = this.#peekLength();
    return length > FRAME_STREAM_LIMITS.maxFrameBytes || this.#bytes >= FRAME_HEADER_BYTES + length;
  }

  #length(): number | undefined {
    if (this.#wanted !== undefined || this.#bytes < FRAME_HEADER_BYTES) return this.#wanted;
    const length = this.#peekLength();
    if (length > FRAME_STREAM_LIMITS.maxFrameBytes) {
      throw new FarmError("PEER_BROKE_PROTOCOL", `the peer announced a frame of ${length} bytes`, {
        facts: { length, limit: FRAME_STREAM_LIMITS.maxFrameBytes },
      });
    }
    this.#take(FRAME_HEADER_BYTES);
    this.#wanted = length;
    return length;
  }

  #peekLength(): number {
    let length = 0;
    let seen = 0;
    for (const piece of this.#pieces) {
      for (const byte of piece.subarray(0, FRAME_HEADER_BYTES - seen)) length = length * 256 + byte;
      seen += Math.min(piece.byteLength, FRAME_HEADER_BYTES - seen);
      if (seen === FRAME_HEADER_BYTES) break;
    }
    return length;
  }

  #take(count: number): Uint8Array {
    const taken = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const piece = this.#pieces[0] as Uint8Array;
      const part = piece.subarray(0, count - filled);
      taken.set(part, filled);
      filled += part.byteLength;
      if (part.byteLength === piece.byteLength) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.byteLength);
    }
    this.#bytes -= count;
    return taken;
  }

  #gather(piece: Uint8Array): void {
    if (this.#gatheredBytes + piece.byteLength > this.#gathered.byteLength) {
      this.#gathered = new Uint8Array(GATHER_BYTES);
      this.#gatheredBytes = 0;
    }
    this.#gathered.set(piece, this.#gatheredBytes);
    const last = this.#pieces.at(-1);
    if (last?.buffer === this.#gathered.buffer && last.byteOffset + last.byteLength === this.#gatheredBytes) {
      this.#pieces[this.#pieces.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.byteLength + piece.byteLength);
    } else if (piece.byteLength > 0) {
      this.#pieces.push(this.#gathered.subarray(this.#gatheredBytes, this.#gatheredBytes + piece.byteLength));
    }
    this.#gatheredBytes += piece.byteLength;
  }
}

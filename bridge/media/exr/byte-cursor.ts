import { EXR_LIMITS } from "./limits.ts";
import { exrInvalid } from "./exr-invalid.ts";

/** Thrown when bytes end before the structure does; the caller may retry with more of the file. */
export class UnexpectedEndOfData extends Error {}

/** Reads little-endian values front to back and never past the end. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#position;
  }

  get left(): number {
    return this.#bytes.length - this.#position;
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  take(length: number): Uint8Array {
    const from = this.#advance(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** A null-terminated name of at most 255 bytes; empty ends a list. */
  name(): string {
    const bytes = this.#bytes.subarray(this.#position, this.#position + EXR_LIMITS.maxNameBytes + 1);
    const length = bytes.indexOf(0);
    if (length < 0 && bytes.length > EXR_LIMITS.maxNameBytes) throw exrInvalid(`a name is longer than ${EXR_LIMITS.maxNameBytes} bytes`);
    if (length < 0) throw new UnexpectedEndOfData();
    this.#position += length + 1;
    return utf8(bytes.subarray(0, length));
  }

  #advance(length: number): number {
    if (length > this.left) throw new UnexpectedEndOfData();
    const from = this.#position;
    this.#position += length;
    return from;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text that can be encoded back to the same bytes; everything that Blender writes is valid UTF-8. */
export function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw exrInvalid("a text in the header is not UTF-8");
  }
}

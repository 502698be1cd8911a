import { readFully } from "./exr-file.ts";
import { exrInvalid } from "./exr-invalid.ts";

const WINDOW_BYTES = 1024 * 1024;

/** Reads a file sequentially through one buffer that grows only to the largest requested piece. */
export class ForwardReader {
  readonly #descriptor: number;
  #buffer: Buffer;
  #from = 0;
  #to = 0;
  /** File position of the next byte. */
  position: number;

  constructor(descriptor: number, range: { readonly from: number; readonly to: number }) {
    this.#descriptor = descriptor;
    this.#buffer = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, range.to - range.from));
    this.position = range.from;
  }

  /** The next bytes; the view is valid until the next call. EXR_INVALID when the file ends before. */
  take(length: number): Buffer {
    if (this.#to - this.#from < length) this.#refill(length);
    const bytes = this.#buffer.subarray(this.#from, this.#from + length);
    this.#from += length;
    this.position += length;
    return bytes;
  }

  skip(length: number): void {
    this.#from = Math.min(this.#from + length, this.#to);
    this.position += length;
  }

  #refill(length: number): void {
    const kept = this.#to - this.#from;
    const buffer = length > this.#buffer.length ? Buffer.allocUnsafe(length) : this.#buffer;
    this.#buffer.copy(buffer, 0, this.#from, this.#to);
    this.#buffer = buffer;
    this.#from = 0;
    this.#to = kept + readFully(this.#descriptor, buffer.subarray(kept), this.position + kept);
    if (this.#to < length) throw exrInvalid("it ends too early");
  }
}

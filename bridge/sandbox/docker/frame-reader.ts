/** The framing of a stream: a header of fixed length, then that many bytes. */
export interface Framing {
  readonly headerBytes: number;
  /** Parses a header. Throws for one over a limit, before anything is allocated. */
  readonly read: (header: Buffer) => { readonly kind: number; readonly bytes: number };
}

/** A part of a frame, as it came; `last` when nothing of the frame follows. */
export interface FrameFragment {
  readonly kind: number;
  readonly bytes: Buffer;
  readonly last: boolean;
}

/** Splits a stream into frames and passes them on piece by piece, never buffering more than a header. */
export class FrameReader {
  readonly #framing: Framing;
  readonly #take: (piece: FrameFragment) => void | Promise<void>;
  #header = Buffer.alloc(0);
  #frame: { readonly kind: number; left: number } | undefined;

  constructor(framing: Framing, take: (piece: FrameFragment) => void | Promise<void>) {
    this.#framing = framing;
    this.#take = take;
  }

  /** Settles when all of it was consumed, for backpressure. */
  async push(bytes: Buffer): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) rest = this.#frame ? await this.#passOn(rest, this.#frame) : await this.#readHeader(rest);
  }

  async #readHeader(bytes: Buffer): Promise<Buffer> {
    const missing = this.#framing.headerBytes - this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    if (this.#header.length < this.#framing.headerBytes) return Buffer.alloc(0);
    const { kind, bytes: length } = this.#framing.read(this.#header);
    this.#header = Buffer.alloc(0);
    if (length === 0) await this.#take({ kind, bytes: Buffer.alloc(0), last: true });
    else this.#frame = { kind, left: length };
    return bytes.subarray(missing);
  }

  async #passOn(bytes: Buffer, frame: { readonly kind: number; left: number }): Promise<Buffer> {
    const piece = bytes.subarray(0, frame.left);
    frame.left -= piece.length;
    const last = frame.left === 0;
    if (last) this.#frame = undefined;
    await this.#take({ kind: frame.kind, bytes: piece, last });
    return bytes.subarray(piece.length);
  }
}

/** A part of a file on the wire: four bytes, big-endian, that number the upload or download, then what comes next of it. */
export const PART_HEAD_BYTES = 4;

export interface Part {
  readonly number: number;
  readonly data: Buffer;
}

/** Undefined for a frame that is too short to be one. */
export function readPart(frame: Buffer): Part | undefined {
  if (frame.length < PART_HEAD_BYTES) return undefined;
  return { number: frame.readUInt32BE(0), data: frame.subarray(PART_HEAD_BYTES) };
}

/** A frame with room for so many bytes behind its number. */
export function emptyPart(number: number, bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(PART_HEAD_BYTES + bytes);
  frame.writeUInt32BE(number);
  return frame;
}

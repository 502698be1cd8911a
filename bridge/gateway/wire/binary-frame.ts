/** A part of a file on the wire: the number of the upload or download as four bytes, big-endian, then data. */
export const PART_HEAD_BYTES = 4;

export interface FileTransferFrame {
  readonly number: number;
  readonly data: Buffer;
}

/** Undefined for a frame that is too short. */
export function decodeFileTransferFrame(frame: Buffer): FileTransferFrame | undefined {
  if (frame.length < PART_HEAD_BYTES) return undefined;
  return { number: frame.readUInt32BE(0), data: frame.subarray(PART_HEAD_BYTES) };
}

/** A frame with space for so many bytes after its number. */
export function emptyPart(number: number, bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(PART_HEAD_BYTES + bytes);
  frame.writeUInt32BE(number);
  return frame;
}

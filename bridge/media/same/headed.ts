import type { ImageDataSegments } from "./image-data-segments.ts";

/** Lines of a Radiance header that affect the meaning of its numbers. */
const HDR_MEANING = /^(?:FORMAT|EXPOSURE|GAMMA|COLORCORR|PIXASPECT|PRIMARIES|VIEW)\s*=/i;

/** A Radiance picture from the empty line after its header, and the header's lines about the meaning of its numbers. */
export function hdrPicture(bytes: Buffer): ImageDataSegments {
  const end = bytes.indexOf("\n\n");
  if (end < 0) return [bytes];
  const lines = bytes.toString("latin1", 0, end).split("\n");
  return [Buffer.from(lines.filter((line) => HDR_MEANING.test(line)).join("\n"), "latin1"), bytes.subarray(end)];
}

/**
 * Ranges of image information (size, order, meaning of the values) in headers of film scans: the rest of a
 * header is about its origin. From the specifications, SMPTE 268M and Kodak's Cineon 4.5.
 */
const DPX_IMAGE = { from: 768, to: 1408 } as const;
const CINEON_IMAGE = { from: 192, to: 712 } as const;

export function dpxPicture(bytes: Buffer): ImageDataSegments {
  return filmScan(bytes, bytes.toString("latin1", 0, 4) === "SDPX", DPX_IMAGE);
}

export function cineonPicture(bytes: Buffer): ImageDataSegments {
  return filmScan(bytes, bytes[0] === 0x80, CINEON_IMAGE);
}

function filmScan(bytes: Buffer, isBigEndian: boolean, image: { readonly from: number; readonly to: number }): ImageDataSegments {
  if (bytes.length < image.to) return [bytes];
  const start = isBigEndian ? bytes.readUInt32BE(4) : bytes.readUInt32LE(4);
  return start < image.to ? [bytes] : [bytes.subarray(0, 4), bytes.subarray(image.from, image.to), bytes.subarray(start)];
}

const TGA = { headerBytes: 18, footerBytes: 26 } as const;

/** A TGA up to its extension area (author, date, program), and without the text after its header. */
export function tgaPicture(bytes: Buffer): ImageDataSegments {
  const footer = bytes.length - TGA.footerBytes;
  if (footer < TGA.headerBytes) return [bytes];
  const areas = [bytes.readUInt32LE(footer), bytes.readUInt32LE(footer + 4)].filter((area) => area >= TGA.headerBytes);
  const text = bytes[0] ?? 0;
  return [bytes.subarray(1, TGA.headerBytes), bytes.subarray(TGA.headerBytes + text, Math.min(footer, ...areas))];
}

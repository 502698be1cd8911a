import type { ImageDataSegments } from "./image-data-segments.ts";

/** JPEG's markers without length, and the start of pixels. */
const JPEG = { startOfScan: 0xda, comment: 0xfe, firstApp: 0xe0, lastApp: 0xef } as const;
/** JFIF, colour profile and Adobe's colour transform: they affect the meaning of the numbers. */
const COLOUR_APPS: readonly number[] = [0xe0, 0xe2, 0xee];

/** A JPEG without comments and application segments of metadata; everything from the first scan on. */
export function jpegPicture(bytes: Buffer): ImageDataSegments {
  const pieces: Buffer[] = [];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== JPEG.startOfScan) {
    const marker = bytes[at + 1] ?? 0;
    const end = at + 2 + Math.max(2, bytes.readUInt16BE(at + 2));
    const isApp = marker >= JPEG.firstApp && marker <= JPEG.lastApp;
    if (marker !== JPEG.comment && (!isApp || COLOUR_APPS.includes(marker))) pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return [...pieces, bytes.subarray(at)];
}

const WEBP_METADATA: readonly string[] = ["EXIF", "XMP "];
/** Bits of VP8X that announce such chunks. */
const WEBP_METADATA_FLAGS = 0x0c;

/** A WebP without its EXIF and XMP chunks. */
export function webpPicture(bytes: Buffer): ImageDataSegments {
  const pieces: Buffer[] = [];
  let at = 12;
  while (at + 8 <= bytes.length) {
    const name = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const chunk = bytes.subarray(at, at + 8 + size);
    if (name === "VP8X") pieces.push(withoutFlags(chunk));
    else if (!WEBP_METADATA.includes(name)) pieces.push(chunk);
    at += 8 + size + (size % 2);
  }
  return [...pieces, bytes.subarray(at)];
}

function withoutFlags(chunk: Buffer): Buffer {
  const copy = Buffer.from(chunk);
  copy[8] = (copy[8] ?? 0) & ~WEBP_METADATA_FLAGS;
  return copy;
}

/** Boxes of metadata in a JPEG 2000 file. */
const JP2_METADATA: readonly string[] = ["xml ", "uuid", "uinf", "jp2i"];

/** A JPEG 2000 file's header and codestream boxes. */
export function jp2Picture(bytes: Buffer): ImageDataSegments {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const size = bytes.readUInt32BE(at);
    const end = size >= 8 ? at + size : bytes.length; // 0: to the end; 1: a size of 64 bits, which no picture of Blender's needs
    if (!JP2_METADATA.includes(bytes.toString("latin1", at + 4, at + 8))) pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return [...pieces, bytes.subarray(at)];
}

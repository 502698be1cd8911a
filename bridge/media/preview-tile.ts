import { open } from "node:fs/promises";
import sharp, { type ResizeOptions } from "sharp";
import { FarmError } from "../kernel/errors.ts";

/** Limits on a donor's preview. */
export const PREVIEW_LIMITS = { maxFileBytes: 4 * 1024 * 1024, maxPixels: 4 * 1024 * 1024, decodeTimeoutSeconds: 5 } as const;

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes a preview to RGBA of exactly that size. Only JPEG and PNG reach the decoder.
 * Throws RESULT_INVALID.
 */
export async function decodePreview(path: string, size: PixelSize): Promise<Buffer> {
  if (size.width < 1 || size.height < 1) return Buffer.alloc(0); // smaller than a pixel of the canvas
  return (await decode(path, { ...size, fit: "fill" })).pixels;
}

/** The same, scaled down to fit into that size, never up. Throws RESULT_INVALID. */
export async function decodeInside(path: string, most: PixelSize): Promise<{ readonly size: PixelSize; readonly pixels: Buffer }> {
  return await decode(path, { ...most, fit: "inside", withoutEnlargement: true });
}

async function decode(path: string, resize: ResizeOptions): Promise<{ readonly size: PixelSize; readonly pixels: Buffer }> {
  const bytes = await readCapped(path);
  if (!isJpeg(bytes) && !isPng(bytes)) throw refused("it is neither JPEG nor PNG");
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: PREVIEW_LIMITS.maxPixels, failOn: "error", pages: 1 })
      .timeout({ seconds: PREVIEW_LIMITS.decodeTimeoutSeconds })
      .toColourspace("srgb")
      .resize(resize)
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { size: { width: info.width, height: info.height }, pixels: data };
  } catch (error) {
    throw refused("it cannot be decoded", error);
  }
}

async function readCapped(path: string): Promise<Buffer> {
  await using file = await open(path, "r");
  const stat = await file.stat();
  if (!stat.isFile() || stat.size > PREVIEW_LIMITS.maxFileBytes) throw refused(`it is over ${PREVIEW_LIMITS.maxFileBytes} bytes`);
  const bytes = Buffer.alloc(stat.size);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  return bytes.subarray(0, bytesRead);
}

function isJpeg(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
}

function refused(reason: string, cause?: unknown): FarmError {
  return new FarmError("RESULT_INVALID", `a preview is refused: ${reason}`, { facts: { reason }, cause });
}

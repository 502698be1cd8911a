import type { Rect } from "../core/job/scene-facts.ts";
import { isRenderTimePass, isSampleCountPass, withoutComposite } from "./exr/channel-names.ts";
import type { ExrFile } from "./exr/exr-file.ts";
import { channelNames } from "./exr/header.ts";
import { readRectangle } from "./exr/read-rectangle.ts";
import { compareNoise } from "./compare-noise.ts";
import { toPictureArea, openPlaced, type PlacedPicture } from "./placed-picture.ts";
import type { FloatDifference } from "./types.ts";

export interface CompareRequest {
  /** The result's picture. */
  readonly result: PlacedPicture;
  /** Our own render. */
  readonly reference: PlacedPicture;
  /** The compared rectangle, inside both. */
  readonly rect: Rect;
  /** The reference with the first and with the second half of its samples; needed for `r`. */
  readonly halves?: readonly [PlacedPicture, PlacedPicture];
}

/** Floats of one picture in memory at a time: pictures are compared in bands of rows. */
const BAND_BYTES = 16 * 1024 * 1024;

/**
 * Compares a result with a reference inside one rectangle, channel by channel, bit for bit.
 *
 * The render-time pass is skipped, and sample counts are compared by their ratio. A channel that only one of the two has makes every pixel differ.
 * Blocks; `Media.compare` runs it in a worker. Throws EXR_INVALID.
 */
export function compareFloats(request: CompareRequest): FloatDifference {
  using result = openPlaced(request.result);
  using reference = openPlaced(request.reference);
  const { rect } = request;
  const pixels = rect.width * rect.height;
  const names = comparedNames(reference);
  const noise = (request.halves && compareNoise({ ...request, halves: request.halves })) ?? { r: undefined };
  const inResult = new Set(comparedNames(result));
  if (inResult.size !== names.length || names.some((name) => !inResult.has(name))) {
    return { differingPixels: pixels, pixels, maxDifference: Number.POSITIVE_INFINITY, ...noise };
  }
  let differingPixels = 0;
  let maxDifference = 0;
  const rowsPerBand = Math.max(1, Math.floor(BAND_BYTES / (rect.width * names.length * 4)));
  for (let y = rect.y; y < rect.y + rect.height; y += rowsPerBand) {
    const band = { ...rect, y, height: Math.min(rowsPerBand, rect.y + rect.height - y) };
    const ours = readRectangle(reference, toPictureArea(request.reference, band), names);
    const theirs = readRectangle(result, toPictureArea(request.result, band), names);
    const difference = compareBand(theirs, ours, band.width * band.height);
    differingPixels += difference.differingPixels;
    maxDifference = Math.max(maxDifference, difference.maxDifference);
  }
  return { differingPixels, pixels, maxDifference, ...noise };
}

function comparedNames(file: ExrFile): string[] {
  return withoutComposite(channelNames(file.header)).filter((name) => !isRenderTimePass(name));
}

type Bits = ReadonlyMap<string, Uint32Array>;

function compareBand(theirs: Bits, ours: Bits, pixels: number): { readonly differingPixels: number; readonly maxDifference: number } {
  const differs = new Uint8Array(pixels);
  let maxDifference = 0;
  for (const [name, ourBits] of ours) {
    if (isSampleCountPass(name)) {
      const off = compareCounts(asFloats(theirs.get(name) ?? new Uint32Array(pixels)), asFloats(ourBits), differs);
      maxDifference = Math.max(maxDifference, off);
      continue;
    }
    const theirBits = theirs.get(name) ?? new Uint32Array(pixels);
    const ourValues = asFloats(ourBits);
    const theirValues = asFloats(theirBits);
    for (let at = 0; at < pixels; at++) {
      if (theirBits[at] === ourBits[at]) continue;
      differs[at] = 1;
      maxDifference = Math.max(maxDifference, distance(theirValues[at] ?? 0, ourValues[at] ?? 0));
    }
  }
  return { differingPixels: differs.reduce((sum, one) => sum + one, 0), maxDifference };
}

/** A count that is rounded twice may be off by this share. */
const COUNT_ROUNDING = 1e-6;

/** Renders that stopped at other samples have counts of one ratio: a pixel that is out of it differs. @returns the largest difference. */
function compareCounts(theirs: Float32Array, ours: Float32Array, differs: Uint8Array): number {
  const ratio = (theirs[0] ?? 0) / (ours[0] ?? 0);
  let most = 0;
  for (const [at, our] of ours.entries()) {
    const off = distance((theirs[at] ?? 0) / ratio, our);
    if (off <= COUNT_ROUNDING * our) continue;
    differs[at] = 1;
    most = Math.max(most, off);
  }
  return most;
}

/** NaN or infinity on one side only, or of a different kind, is an infinite difference. */
function distance(a: number, b: number): number {
  const difference = Math.abs(a - b);
  return Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
}

function asFloats(bits: Uint32Array): Float32Array {
  return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
}

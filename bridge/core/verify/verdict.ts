import type { Verdict } from "../schedule/types.ts";
import type { Rect } from "../job/scene-facts.ts";

/**
 * Limits of R for a 32x32 crop rendered on another device class, from measurements on two scenes: honest results stayed
 * below 0.06 even with caustics and hair, which amplify rounding; three quarters of the samples start at 0.13, half of them at 0.32.
 */
export const NOISE_RATIO_LIMITS = {
  /** Above it, a result does not look like the same samples: the user is warned. Below it, a donor can have left out 17 % of them. */
  doubt: 0.1,
  /** Above it, it looks like 60 % of the samples or fewer, or like other samples: five times the largest value of honest results. */
  strike: 0.35,
  /** Noise-free pixels that differ: more than this share of them (and more than one) is a clear failure. */
  quietShare: 0.02,
} as const;

/**
 * Blender 3.4 adds up the vertex normals of meshes over 1,024 faces on several threads in any order, so that two honest
 * renders of one class differ by a few 1e-6 (measured: 3.4e-6). Up to this much is accepted with a warning.
 */
export const SAME_CLASS_NOISE = 1e-4;

/** What a comparison of a result's crop with our own render found. */
export interface CropDifference {
  readonly differingPixels: number;
  /** Largest absolute difference of any channel. */
  readonly maxDifference: number;
  /** R, the variance-normalised error energy; undefined when no variance is known. */
  readonly r: number | undefined;
  /** With `r`: noise-free pixels, and how many of them differ. */
  readonly quietPixels?: number;
  readonly outliers?: number;
}

/** Inside a device class the floats must be equal, except for Blender's own variation. */
export function sameClassVerdict({ differingPixels, maxDifference }: CropDifference): Verdict {
  if (differingPixels === 0) return "equal";
  return maxDifference <= SAME_CLASS_NOISE ? "warned" : "different";
}

/**
 * Across device classes honest pixels differ, too: the difference is measured against the render's own noise. One failed crop is
 * only a warning; a mismatch needs two crops that share no pixel and fail clearly.
 */
export function crossClassVerdict(crops: readonly { readonly rect: Rect; readonly difference: CropDifference }[]): Verdict {
  const strikes = crops.filter(({ difference }) => isStrike(difference));
  if (strikes.some((one, place) => strikes.slice(place + 1).some((other) => !overlap(one.rect, other.rect)))) return "different";
  return crops.every(({ difference }) => isLikely(difference)) ? "equal" : "warned";
}

function isStrike({ differingPixels, r, quietPixels = 0, outliers = 0 }: CropDifference): boolean {
  if (differingPixels === 0 || r === undefined) return false;
  return !(r <= NOISE_RATIO_LIMITS.strike) || outliers > Math.max(1, NOISE_RATIO_LIMITS.quietShare * quietPixels);
}

/** A comparison that could not be judged counts as doubtful. */
function isLikely(difference: CropDifference): boolean {
  if (difference.differingPixels === 0) return true;
  return difference.r !== undefined && difference.r <= NOISE_RATIO_LIMITS.doubt && !isStrike(difference);
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

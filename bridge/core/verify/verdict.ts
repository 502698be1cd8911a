import type { Verdict } from "../schedule/types.ts";
import type { Rect } from "../job/scene-facts.ts";

/**
 * What R tells of a 32x32 crop rendered on another device class, from measurements on two scenes: honest results stayed
 * below 0.06 where caustics and hair make rounding grow; three quarters of the samples begin at 0.13, half of them at 0.32.
 */
export const R_LIMITS = {
  /** Above it, a result does not look like the same samples: told to the user. A donor below it can have left out 17 % of them. */
  doubt: 0.1,
  /** Above it, it looks like 60 % of the samples or fewer, or like others: five times what honest results were off. */
  strike: 0.35,
  /** Pixels without noise that are off all the same: more than this share of them (and more than one) is a strike. */
  quietShare: 0.02,
} as const;

/**
 * Blender 3.4 adds up the vertex normals of meshes over 1,024 faces on several threads in any order, so that two honest
 * renders of one class differ by a few 1e-6 (measured: 3.4e-6). Up to this much is no lie worth telling.
 */
export const SAME_CLASS_NOISE = 1e-4;

/** What a comparison of a result's crop with our own render found. */
export interface CropDifference {
  readonly differingPixels: number;
  /** Largest absolute difference of any channel. */
  readonly maxDifference: number;
  /** Variance-normalised error energy; undefined when no variance is known. */
  readonly r: number | undefined;
  /** With `r`: pixels without noise, and how many of them are off all the same. */
  readonly quietPixels?: number;
  readonly outliers?: number;
}

/** Inside a device class the floats must be equal, but for what Blender itself does not hold. */
export function verdictOfEquals({ differingPixels, maxDifference }: CropDifference): Verdict {
  if (differingPixels === 0) return "equal";
  return maxDifference <= SAME_CLASS_NOISE ? "warned" : "different";
}

/**
 * Across device classes honest pixels differ, too: they are weighed by the render's own noise. One crop that fails is
 * told and no more; a donor is only taken to lie when two crops that share no pixel fail clearly.
 */
export function verdictAcross(crops: readonly { readonly rect: Rect; readonly difference: CropDifference }[]): Verdict {
  const strikes = crops.filter(({ difference }) => isStrike(difference));
  if (strikes.some((one, place) => strikes.slice(place + 1).some((other) => !overlap(one.rect, other.rect)))) return "different";
  return crops.every(({ difference }) => isLikely(difference)) ? "equal" : "warned";
}

function isStrike({ differingPixels, r, quietPixels = 0, outliers = 0 }: CropDifference): boolean {
  if (differingPixels === 0 || r === undefined) return false;
  return !(r <= R_LIMITS.strike) || outliers > Math.max(1, R_LIMITS.quietShare * quietPixels);
}

/** What could not be weighed is not likely. */
function isLikely(difference: CropDifference): boolean {
  if (difference.differingPixels === 0) return true;
  return difference.r !== undefined && difference.r <= R_LIMITS.doubt && !isStrike(difference);
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

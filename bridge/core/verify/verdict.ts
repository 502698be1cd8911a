import type { Verdict } from "../schedule/types.ts";

/** Above this, a result of another device class does not look like the same samples (`R` of the trust page, measured on 32x32 crops). */
export const R_THRESHOLD = 0.1;

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
}

/**
 * Inside a device class the floats must be equal, but for what Blender itself does not hold. Across classes honest pixels differ too: there a large R,
 * or a difference that could not be weighed, is told to the user and nothing more.
 */
export function verdictOf(difference: CropDifference, options: { readonly sameClass: boolean }): Verdict {
  if (difference.differingPixels === 0) return "equal";
  if (options.sameClass) return difference.maxDifference <= SAME_CLASS_NOISE ? "warned" : "different";
  return difference.r !== undefined && difference.r <= R_THRESHOLD ? "equal" : "warned";
}

import type { Verdict } from "../schedule/types.ts";
import { type CropDifference, sameClassVerdict } from "./verdict.ts";

/**
 * By what factor a result may differ more from our renders than they differ from each other. Two renders that differ by chance differ
 * by about as much as a third one does; differing pixels on hair and in volumes are few and clustered, hence more than 1.
 */
export const OWN_NOISE_FACTOR = 4;

/** No two renders of a scene differ by this much: one of them holds uninitialised memory, so that the size of the difference means nothing. */
const GARBAGE = 1e6;

/** A rectangle rendered here twice, and a result of the same device class that differs from the first render. */
export interface ReferenceComparison {
  /** The result against each of our renders. */
  readonly theirs: readonly [CropDifference, CropDifference];
  /** Our renders against each other. */
  readonly ours: CropDifference;
}

/**
 * Blender does not always render the same bits twice: sums over several threads depend on their order. A result
 * that equals either of our renders is equal; one that differs by about as much as they do from each other is accepted with a warning.
 */
export function verdictAgainstTwoReferences({ theirs, ours }: ReferenceComparison): Verdict {
  const verdicts = theirs.map(sameClassVerdict);
  if (verdicts.includes("equal")) return "equal";
  return verdicts.includes("warned") || theirs.some((one) => isNoMoreThan(one, ours)) ? "warned" : "different";
}

function isNoMoreThan(theirs: CropDifference, ours: CropDifference): boolean {
  const isAsOften = theirs.differingPixels <= OWN_NOISE_FACTOR * ours.differingPixels;
  return isAsOften && Math.min(GARBAGE, theirs.maxDifference) <= OWN_NOISE_FACTOR * ours.maxDifference;
}

const SEVERITY: readonly Verdict[] = ["equal", "warned", "different"];

/** The combined verdict on several rectangles of one result. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return SEVERITY[Math.max(0, ...verdicts.map((verdict) => SEVERITY.indexOf(verdict)))] ?? "equal";
}

import type { Verdict } from "../schedule/types.ts";
import { type CropDifference, verdictOfEquals } from "./verdict.ts";

/**
 * How much further from our renders than they are from each other a result may be. Two renders that differ by chance differ
 * by about as much as a third one does; pixels on hair and in volumes that go another way come in handfuls, hence more than 1.
 */
export const OWN_NOISE_FACTOR = 4;

/** No two pictures of a scene differ by so much: one of them holds memory that nobody wrote, and how much it is says nothing. */
const GARBAGE = 1e6;

/** The same place rendered here twice, and a result of the same device class that was not equal to the first one. */
export interface TwoRenders {
  /** The result against each of our renders. */
  readonly theirs: readonly [CropDifference, CropDifference];
  /** Our renders against each other. */
  readonly ours: CropDifference;
}

/**
 * Blender does not always make the same bits twice: what it adds up on several threads depends on their order. A result
 * that equals either of our renders is right; one that is about as far from them as they are from each other is told.
 */
export function verdictOfTwo({ theirs, ours }: TwoRenders): Verdict {
  const verdicts = theirs.map(verdictOfEquals);
  if (verdicts.includes("equal")) return "equal";
  return verdicts.includes("warned") || theirs.some((one) => isNoMoreThan(one, ours)) ? "warned" : "different";
}

function isNoMoreThan(theirs: CropDifference, ours: CropDifference): boolean {
  const isAsOften = theirs.differingPixels <= OWN_NOISE_FACTOR * ours.differingPixels;
  return isAsOften && Math.min(GARBAGE, theirs.maxDifference) <= OWN_NOISE_FACTOR * ours.maxDifference;
}

const SEVERITY: readonly Verdict[] = ["equal", "warned", "different"];

/** What several places of one result say together. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return SEVERITY[Math.max(0, ...verdicts.map((verdict) => SEVERITY.indexOf(verdict)))] ?? "equal";
}

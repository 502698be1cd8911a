import type { DonorOffer } from "../terms/donor-offer.ts";

/** The part of a donor's offer that a plan uses. */
export type OfferedCapacity = Pick<DonorOffer, "slots" | "speed">;

/** The capacity that a plan is made for. */
export interface SwarmCapacity {
  readonly slots: number;
  /** Of a typical slot; undefined when no donor reports it. */
  readonly secondsPerSamplePixel?: number;
}

/** Slower than any machine: treated as not measured. */
const LEAST_SPEED = 1;

/** The sum of slots, and the median of reported speeds, so that a single false report has little effect. */
export function swarmCapacityOf(donors: readonly OfferedCapacity[]): SwarmCapacity {
  const slots = donors.reduce((sum, donor) => sum + donor.slots, 0);
  const speeds = donors.flatMap(({ speed }) => (speed === undefined || speed < LEAST_SPEED ? [] : [speed])).toSorted((a, b) => a - b);
  const middle = speeds[Math.floor((speeds.length - 1) / 2)];
  return middle === undefined ? { slots } : { slots, secondsPerSamplePixel: 1 / middle };
}

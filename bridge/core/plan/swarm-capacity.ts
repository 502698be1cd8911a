import type { DonorOffer } from "../terms/donor-offer.ts";

/** What a donor offers, as far as a plan cares. */
export type OfferedCapacity = Pick<DonorOffer, "slots" | "speed">;

/** What a plan reckons with. */
export interface SwarmCapacity {
  readonly slots: number;
  /** Of a typical slot; undefined when nobody says. */
  readonly secondsPerSamplePixel?: number;
}

/** Slower than any machine: no measurement. */
const LEAST_SPEED = 1;

/** The slots of all; of the speeds that donors tell the middle one, so that no single word counts for much. */
export function capacityOf(donors: readonly OfferedCapacity[]): SwarmCapacity {
  const slots = donors.reduce((sum, donor) => sum + donor.slots, 0);
  const speeds = donors.flatMap(({ speed }) => (speed === undefined || speed < LEAST_SPEED ? [] : [speed])).toSorted((a, b) => a - b);
  const middle = speeds[Math.floor((speeds.length - 1) / 2)];
  return middle === undefined ? { slots } : { slots, secondsPerSamplePixel: 1 / middle };
}

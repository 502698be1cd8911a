import { scheduleBackups } from "./backups.ts";
import { grantLease } from "./leases.ts";
import { expectedSpeed } from "./predict.ts";
import { inFlight, isEligible, type StepContext, unsettledResults } from "./schedule.ts";
import type { ChunkState, DonorState } from "./types.ts";
import { sceneFrameOf } from "./waiting-chunks.ts";

/** A donor slower than this share of the typical one takes cheap chunks. */
const SLOW_SHARE = 0.5;

/** Leases what can be leased now. */
export function assignChunks(turn: StepContext): void {
  const { schedule } = turn;
  if (schedule.paused || schedule.ended) return;
  if (schedule.inOrder) {
    assignNext(turn);
    return;
  }
  if (schedule.waiting.size > 0) {
    const donors = idleDonors(turn);
    const slow = SLOW_SHARE * typicalOf(turn);
    for (const donor of donors) fill(turn, donor, { most: donor.slots, slow });
    for (const donor of donors) fill(turn, donor, { most: mostInFlight(turn, donor), slow });
  }
  if (schedule.waiting.size === 0) scheduleBackups(turn, idleDonors(turn));
}

/** Donors with room for a chunk now, fastest first; full ones leave the list. */
function idleDonors(turn: StepContext): DonorState[] {
  const idle: DonorState[] = [];
  for (const donor of turn.schedule.free) {
    if (inFlight(donor) >= mostInFlight(turn, donor)) turn.schedule.free.delete(donor);
    else if (isReady(turn, donor)) idle.push(donor);
  }
  return idle.length < 2 ? idle : idle.sort((a, b) => speedOf(turn, b) - speedOf(turn, a));
}

/** Whole final files are not prefetched: they are long, and few. */
function mostInFlight({ schedule, policy }: StepContext, donor: DonorState): number {
  return donor.slots * (schedule.prefetches ? policy.inFlightPerSlot : 1);
}

/** A donor that delivers faster than its results are settled gets no new chunks: unsettled results fill its disk and ours. */
function isReady(turn: StepContext, donor: DonorState): boolean {
  if (!isEligible(donor, turn) || donor.restUntilMs > turn.nowMs) return false;
  return unsettledResults(turn.schedule, donor) < donor.slots + turn.policy.mostUnsettled;
}

/** Only for comparing donors: before anything is measured, their reported speed. */
function speedOf({ schedule }: StepContext, donor: DonorState): number {
  return (schedule.typicalSpeed === undefined ? donor.benchmarkSpeed : expectedSpeed(schedule, donor)) ?? 0;
}

/** The average of `speedOf`. */
function typicalOf({ schedule }: StepContext): number {
  if (schedule.typicalSpeed !== undefined) return schedule.typicalSpeed;
  const said = [...schedule.donors.values()].flatMap((donor) =>
    donor.here && donor.benchmarkSpeed !== undefined ? [donor.benchmarkSpeed] : [],
  );
  return said.length === 0 ? 0 : said.reduce((sum, speed) => sum + speed, 0) / said.length;
}

/**
 * Fills a donor up to `most` chunks in flight; beyond its slots only while there is more than one chunk per slot of the swarm.
 * Donors slower than `slow` get the cheapest chunks; a donor of unknown speed is not slow.
 */
function fill(turn: StepContext, donor: DonorState, { most, slow }: { readonly most: number; readonly slow: number }): void {
  const { schedule } = turn;
  const speed = speedOf(turn, donor);
  const end = speed > 0 && speed < slow ? "cheap" : "dear";
  for (let count = inFlight(donor); count < most && schedule.waiting.size > 0; count++) {
    const isAhead = count >= donor.slots;
    if (isAhead && schedule.waiting.size < schedule.slots) return;
    const chunk = schedule.waiting.take({
      mayTake: (candidate) => mayTake(turn, candidate, donor),
      end,
      sceneFrame: openAt(turn, donor),
      mostCost: isAhead ? mostCostAhead(turn, donor) : Number.POSITIVE_INFINITY,
    });
    if (!chunk) return;
    grantLease(turn, chunk, donor);
  }
}

/** Only short chunks are prefetched: a long one can wait for the first free donor, as the gap between two chunks is small beside it. */
function mostCostAhead({ schedule, policy }: StepContext, donor: DonorState): number {
  const speed = expectedSpeed(schedule, donor);
  if (speed === undefined) return schedule.waiting.isUniform ? Number.POSITIVE_INFINITY : 0;
  return speed * policy.aheadSeconds;
}

/** The scene frame that the donor's next free slot has open: that of its last result, or of its current chunk before there is one. */
function openAt({ schedule }: StepContext, donor: DonorState): string | undefined {
  if (donor.sceneFrame !== undefined || inFlight(donor) < donor.slots) return donor.sceneFrame;
  const [first] = donor.leases.keys();
  const chunk = first === undefined ? undefined : schedule.chunks.get(first);
  return chunk && sceneFrameOf(chunk);
}

/** A donor that failed on a chunk gets it again only when all others did too. */
export function mayTake(turn: StepContext, chunk: ChunkState, donor: DonorState): boolean {
  const untried = (candidate: DonorState) => candidate.trusted && !chunk.failedOn.has(candidate.id);
  // After enough failures only a donor of this machine tries it; without one, any donor, whose failure is final.
  if (chunk.failedOn.size >= turn.policy.deadAfterDonors && !untried(donor) && anyEligible(turn, untried)) return false;
  return !chunk.avoid.has(donor.id) || !anyEligible(turn, ({ id }) => !chunk.avoid.has(id));
}

function anyEligible(turn: StepContext, test: (donor: DonorState) => boolean): boolean {
  for (const donor of turn.schedule.donors.values()) if (test(donor) && isEligible(donor, turn)) return true;
  return false;
}

/** In-order jobs: the next frame goes to the donor that has stepped this far, one at a time. */
function assignNext(turn: StepContext): void {
  const { schedule } = turn;
  for (const donor of schedule.donors.values()) if (inFlight(donor) > 0) return;
  const chunk = schedule.waiting.first();
  if (!chunk) return;
  const pinned = schedule.pin === undefined ? undefined : schedule.donors.get(schedule.pin);
  const stays = pinned !== undefined && isEligible(pinned, turn) && mayTake(turn, chunk, pinned);
  const donor = stays ? pinned : idleDonors(turn).find((candidate) => mayTake(turn, chunk, candidate));
  if (!donor || !isReady(turn, donor)) return;
  schedule.waiting.takeFirst();
  schedule.pin = donor.id;
  grantLease(turn, chunk, donor);
}

import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { Schedule, StepContext } from "./schedule.ts";

/** Requests a check of a donor's result. The job does not end before its verdict, whatever happens to the chunk meanwhile. */
export function requestVerification({ schedule, effects }: StepContext, chunk: ChunkId, donor: DonorId): void {
  const checks = schedule.checks.get(donor) ?? new Set();
  schedule.checks.set(donor, checks.add(chunk));
  effects.push({ type: "check", chunk, donor });
}

/** The verdict has arrived, or the check could not be made. */
export function completeVerification({ schedule }: StepContext, chunk: ChunkId, donor: DonorId): void {
  const checks = schedule.checks.get(donor);
  checks?.delete(chunk);
  if (checks?.size === 0) schedule.checks.delete(donor);
}

/**
 * Claims chunks for a frame that is written: from now on they cannot be revoked. False, and nothing is
 * claimed, when one of them was revoked or is on hold.
 */
export function claimForDelivery(schedule: Schedule, chunks: readonly ChunkId[]): boolean {
  if (chunks.some((chunk) => isOnHold(schedule, chunk))) return false;
  for (const id of chunks) {
    const chunk = schedule.chunks.get(id);
    if (chunk) Object.assign(chunk, { delivered: true, rechecking: false });
  }
  return true;
}

/**
 * True while this accepted chunk must not be used: results of its donor are being checked, and this
 * one was not. Results of a dishonest donor may be accepted while its first one is still being checked; they are revoked by the
 * verdict. Also true for a chunk that is not accepted (any more). Results of an earlier run's donors are never on hold.
 */
export function isOnHold({ chunks, donors, checks }: Schedule, id: ChunkId): boolean {
  const chunk = chunks.get(id);
  if (chunk?.delivered) return false;
  const accepted = chunk?.accepted;
  if (accepted === undefined) return true;
  if (accepted.checked || donors.get(accepted.donor)?.trusted) return false;
  return checks.has(accepted.donor);
}

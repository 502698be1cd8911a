import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { Schedule, Turn } from "./schedule.ts";

/** Asks for a check of a donor's result. Until its verdict is heard the job does not end, whatever became of the chunk meanwhile. */
export function beginCheck({ schedule, effects }: Turn, chunk: ChunkId, donor: DonorId): void {
  const checks = schedule.checks.get(donor) ?? new Set();
  schedule.checks.set(donor, checks.add(chunk));
  effects.push({ type: "check", chunk, donor });
}

/** The verdict is here, or the check could not be made. */
export function endCheck({ schedule }: Turn, chunk: ChunkId, donor: DonorId): void {
  const checks = schedule.checks.get(donor);
  checks?.delete(chunk);
  if (checks?.size === 0) schedule.checks.delete(donor);
}

/**
 * Claims chunks for a picture that stands on the disk: from here on nothing about them is asked any more. False, and nothing is
 * claimed, where one of them was taken back or is in doubt.
 */
export function claimForDelivery(schedule: Schedule, chunks: readonly ChunkId[]): boolean {
  if (chunks.some((chunk) => isInDoubt(schedule, chunk))) return false;
  for (const id of chunks) {
    const chunk = schedule.chunks.get(id);
    if (chunk) Object.assign(chunk, { delivered: true, rechecking: false });
  }
  return true;
}

/**
 * True while no picture may be made of this accepted chunk: its maker's results are being looked at this moment, and this
 * one was not. A liar's first results are accepted while its very first one is still checked; they are taken back when the
 * verdict comes. So is one that is not accepted (any more). Donors of an earlier run are gone, and nothing speaks against them.
 */
export function isInDoubt({ chunks, donors, checks }: Schedule, id: ChunkId): boolean {
  const chunk = chunks.get(id);
  if (chunk?.delivered) return false;
  const accepted = chunk?.accepted;
  if (accepted === undefined) return true;
  if (accepted.checked || donors.get(accepted.donor)?.trusted) return false;
  return checks.has(accepted.donor);
}

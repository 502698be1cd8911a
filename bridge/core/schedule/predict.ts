import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { Schedule, StepContext } from "./schedule.ts";
import type { ChunkState, DonorState, Lease } from "./types.ts";

/** Weight of the newest measurement. */
const SMOOTHING = { donor: 0.3, all: 0.1 } as const;

/** Updates the speed from a chunk that took `seconds` of one slot; invalid values are ignored. */
export function updateSpeedEstimates(
  schedule: Schedule,
  donor: DonorState,
  { chunk, seconds }: { readonly chunk: ChunkState; readonly seconds: number },
): void {
  if (!Number.isFinite(seconds) || seconds < 0) return;
  const speed = chunk.chunk.cost / Math.max(0.001, seconds);
  donor.speed = blend(donor.speed, speed, SMOOTHING.donor);
  schedule.typicalSpeed = blend(schedule.typicalSpeed, speed, SMOOTHING.all);
  if (donor.benchmarkSpeed !== undefined) schedule.sceneFactor = blend(schedule.sceneFactor, speed / donor.benchmarkSpeed, SMOOTHING.all);
}

/** A reported speed counts only within this factor of the typical donor's. */
const MOST_TIMES_TYPICAL = 1_000;

/**
 * The expected speed of one slot of a donor: the measured one; before that, the reported one, scaled by how others'
 * reports compare with their measurements in this scene; else the typical one.
 */
export function expectedSpeed(
  { typicalSpeed, sceneFactor }: Pick<Schedule, "typicalSpeed" | "sceneFactor">,
  { speed, benchmarkSpeed }: Pick<DonorState, "speed" | "benchmarkSpeed">,
): number | undefined {
  if (speed !== undefined || benchmarkSpeed === undefined || sceneFactor === undefined || typicalSpeed === undefined)
    return speed ?? typicalSpeed;
  return Math.min(typicalSpeed * MOST_TIMES_TYPICAL, Math.max(typicalSpeed / MOST_TIMES_TYPICAL, benchmarkSpeed * sceneFactor));
}

function blend(old: number | undefined, fresh: number, weight: number): number {
  return old === undefined ? fresh : old * (1 - weight) + fresh * weight;
}

/** Predicted render seconds of a chunk on a donor; undefined until something is measured. */
export function secondsFor(schedule: Schedule, chunk: ChunkId, donor: DonorId): number | undefined {
  const holder = schedule.donors.get(donor);
  return secondsAt(schedule, chunk, holder ? expectedSpeed(schedule, holder) : schedule.typicalSpeed);
}

/** The same without the reported speed: a donor must not keep a chunk by reporting that it is slow. */
export function measuredSecondsFor(schedule: Schedule, chunk: ChunkId, donor: DonorId): number | undefined {
  return secondsAt(schedule, chunk, schedule.donors.get(donor)?.speed ?? schedule.typicalSpeed);
}

function secondsAt(schedule: Schedule, chunk: ChunkId, speed: number | undefined): number | undefined {
  const cost = schedule.chunks.get(chunk)?.chunk.cost;
  return speed === undefined || cost === undefined ? undefined : cost / speed;
}

/** Seconds of an average chunk on a typical slot; undefined until something is measured. */
export function typicalChunkSeconds({ chunks, typicalSpeed }: Pick<Schedule, "chunks" | "typicalSpeed">): number | undefined {
  if (typicalSpeed === undefined || chunks.size === 0) return undefined;
  let cost = 0;
  for (const { chunk } of chunks.values()) cost += chunk.cost;
  return cost / chunks.size / typicalSpeed;
}

/**
 * Predicted seconds until a leased chunk is rendered; undefined until something is measured. One that is
 * overdue gets as much time again as it is late; infinite for a silent or paused donor.
 */
export function leaseSecondsLeft({ schedule, nowMs, policy }: StepContext, lease: Lease): number | undefined {
  const donor = schedule.donors.get(lease.donor);
  if (!donor || isStuck({ nowMs, policy }, donor)) return Number.POSITIVE_INFINITY;
  const own = secondsFor(schedule, lease.chunk, lease.donor);
  if (own === undefined) return undefined;
  if (lease.startedAtMs !== undefined) return secondsRemaining(own, (nowMs - lease.startedAtMs) / 1_000);
  let ahead = 0;
  for (const other of donor.leases.values()) {
    if (other === lease) break;
    if (other.phase !== "leased") continue;
    const seconds = secondsFor(schedule, other.chunk, lease.donor) ?? 0;
    ahead += other.startedAtMs === undefined ? seconds : secondsRemaining(seconds, (nowMs - other.startedAtMs) / 1_000);
  }
  return ahead / donor.slots + own;
}

/** Paused by its owner, or silent: its chunks may never be delivered. */
export function isStuck({ nowMs, policy }: Pick<StepContext, "nowMs" | "policy">, donor: DonorState): boolean {
  return !donor.open || nowMs - donor.lastHeardMs > policy.suspectMs;
}

function secondsRemaining(expected: number, elapsed: number): number {
  return Math.max(expected - elapsed, elapsed - expected, 0.1 * expected);
}

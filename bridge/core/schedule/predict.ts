import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { Schedule, Turn } from "./schedule.ts";
import type { ChunkState, DonorState, Lease } from "./types.ts";

/** Weights of the newest measurement. */
const SMOOTHING = { donor: 0.3, all: 0.1 } as const;

/** Learns from a chunk that took `seconds` of one slot; nonsense teaches nothing. */
export function learnSpeed(
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

/** Nobody is believed to be faster or slower than the typical donor by more. */
const MOST_TIMES_TYPICAL = 1_000;

/**
 * What is expected of one slot of a donor: what it has shown; before that, what it says of itself, as far as others
 * have shown what their words are worth in this scene; else what is typical.
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

/** Predicted render seconds of a chunk on a donor; undefined while nothing was measured. */
export function secondsFor(schedule: Schedule, chunk: ChunkId, donor: DonorId): number | undefined {
  const holder = schedule.donors.get(donor);
  return secondsAt(schedule, chunk, holder ? expectedSpeed(schedule, holder) : schedule.typicalSpeed);
}

/** The same without a donor's own word: one that says it is slow may not sit on a chunk for that. */
export function shownSecondsFor(schedule: Schedule, chunk: ChunkId, donor: DonorId): number | undefined {
  return secondsAt(schedule, chunk, schedule.donors.get(donor)?.speed ?? schedule.typicalSpeed);
}

function secondsAt(schedule: Schedule, chunk: ChunkId, speed: number | undefined): number | undefined {
  const cost = schedule.chunks.get(chunk)?.chunk.cost;
  return speed === undefined || cost === undefined ? undefined : cost / speed;
}

/** Seconds of an average chunk on a typical slot; undefined while nothing was measured. */
export function typicalChunkSeconds({ chunks, typicalSpeed }: Pick<Schedule, "chunks" | "typicalSpeed">): number | undefined {
  if (typicalSpeed === undefined || chunks.size === 0) return undefined;
  let cost = 0;
  for (const { chunk } of chunks.values()) cost += chunk.cost;
  return cost / chunks.size / typicalSpeed;
}

/**
 * Predicted seconds until a leased chunk is rendered; undefined while nothing was measured. One that is
 * overdue is given as long again as it is late; that of a silent donor, or of a stopped one, never comes.
 */
export function leaseSecondsLeft({ schedule, nowMs, policy }: Turn, lease: Lease): number | undefined {
  const donor = schedule.donors.get(lease.donor);
  if (!donor || isStuck({ nowMs, policy }, donor)) return Number.POSITIVE_INFINITY;
  const own = secondsFor(schedule, lease.chunk, lease.donor);
  if (own === undefined) return undefined;
  if (lease.startedAtMs !== undefined) return left(own, (nowMs - lease.startedAtMs) / 1_000);
  let ahead = 0;
  for (const other of donor.leases.values()) {
    if (other === lease) break;
    if (other.phase !== "leased") continue;
    const seconds = secondsFor(schedule, other.chunk, lease.donor) ?? 0;
    ahead += other.startedAtMs === undefined ? seconds : left(seconds, (nowMs - other.startedAtMs) / 1_000);
  }
  return ahead / donor.slots + own;
}

/** Stopped by its owner, or silent: what it renders may never come. */
export function isStuck({ nowMs, policy }: Pick<Turn, "nowMs" | "policy">, donor: DonorState): boolean {
  return !donor.open || nowMs - donor.lastHeardMs > policy.suspectMs;
}

function left(expected: number, elapsed: number): number {
  return Math.max(expected - elapsed, elapsed - expected, 0.1 * expected);
}

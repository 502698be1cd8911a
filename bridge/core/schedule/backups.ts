import { endLease, grantLease, withdrawLease } from "./leases.ts";
import { isStuck, secondsFor, leaseSecondsLeft } from "./predict.ts";
import { inFlight, isEligible, type StepContext } from "./schedule.ts";
import type { ChunkState, DonorState, Lease } from "./types.ts";

interface LateChunk {
  readonly chunk: ChunkState;
  readonly lease: Lease;
  /** Undefined until something is measured. */
  readonly seconds: number | undefined;
}

/**
 * Nothing waits, and these donors are idle. A chunk in another donor's queue moves to a donor that
 * would finish it sooner; one that is being rendered is rendered a second time (the longest first, as in LATE),
 * and the first result wins. At most two leases of a chunk, and few backups at a time, not counting those of chunks whose
 * donor is stuck.
 */
export function scheduleBackups(turn: StepContext, donors: readonly DonorState[]): void {
  const idle = new Set(donors.filter((donor) => inFlight(donor) < donor.slots));
  if (idle.size === 0) return;
  let backups = freeBackups(turn);
  for (const late of lateChunks(turn)) {
    if (idle.size === 0) return;
    const costs = costsBackup(late);
    if (costs && backups === 0) continue;
    const donor = firstFaster(turn, late, idle);
    if (!donor) continue;
    if (costs) backups--;
    if (late.lease.startedAtMs === undefined) moveQueued(turn, late);
    grantLease(turn, late.chunk, donor);
    if (inFlight(donor) >= donor.slots) idle.delete(donor);
  }
}

/** A move of a queued chunk, or a second render of one that may never finish, does not count as a backup. */
function costsBackup({ lease, seconds }: LateChunk): boolean {
  return lease.startedAtMs !== undefined && seconds !== Number.POSITIVE_INFINITY;
}

function moveQueued(turn: StepContext, { chunk, lease }: LateChunk): void {
  withdrawLease(turn, lease, "moved");
  endLease(turn, chunk, lease);
}

function freeBackups(turn: StepContext): number {
  let eligible = 0;
  for (const donor of turn.schedule.donors.values()) if (isEligible(donor, turn)) eligible++;
  let running = 0;
  for (const chunk of turn.schedule.running) if (chunk.leases.size > 1 && !hasStuckLease(turn, chunk)) running++;
  return Math.max(0, Math.max(1, Math.ceil(turn.policy.backupShare * eligible)) - running);
}

function hasStuckLease(turn: StepContext, chunk: ChunkState): boolean {
  for (const { donor } of chunk.leases.values()) {
    const holder = turn.schedule.donors.get(donor);
    if (holder && isStuck(turn, holder)) return true;
  }
  return false;
}

/** Chunks leased to one donor only, the longest predicted wait first. */
function lateChunks(turn: StepContext): LateChunk[] {
  const late: LateChunk[] = [];
  for (const chunk of turn.schedule.running) {
    const [lease, second] = chunk.leases.values();
    if (lease?.phase === "leased" && !second) late.push({ chunk, lease, seconds: leaseSecondsLeft(turn, lease) });
  }
  const wait = ({ lease, seconds }: LateChunk) => seconds ?? (turn.nowMs - lease.leasedAtMs) / 1_000;
  return late.sort((a, b) => wait(b) - wait(a) || a.chunk.rank - b.chunk.rank);
}

function firstFaster(turn: StepContext, { chunk, lease, seconds }: LateChunk, idle: ReadonlySet<DonorState>): DonorState | undefined {
  for (const donor of idle) {
    if (donor.id === lease.donor || chunk.avoid.has(donor.id)) continue;
    if (isFaster(turn, { chunk, lease, seconds }, donor)) return donor;
    return undefined; // the fastest is not fast enough
  }
  return undefined;
}

function isFaster({ schedule, policy, nowMs }: StepContext, { lease, seconds }: LateChunk, donor: DonorState): boolean {
  if (seconds === Number.POSITIVE_INFINITY) return true;
  const mine = secondsFor(schedule, lease.chunk, donor.id);
  if (mine !== undefined && seconds !== undefined) return mine < policy.backupGain * seconds;
  return lease.startedAtMs === undefined || nowMs - lease.startedAtMs >= policy.blindBackupMs;
}

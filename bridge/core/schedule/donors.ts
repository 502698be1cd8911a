import type { DonorId } from "../plan/chunk.ts";
import { requestVerification } from "./checks.ts";
import { endLease, noteRoom, requeueChunk, withdrawLease } from "./leases.ts";
import { isResponsive, isEligible, type StepContext } from "./schedule.ts";
import { measuredSecondsFor } from "./predict.ts";
import type { BanReason, DonorState, Lease, ScheduleEvent } from "./types.ts";

type Joined = Extract<ScheduleEvent, { type: "donor-joined" }>;

/** A donor joins, or rejoins: its leases are lost, its statistics stay. */
export function joinDonor(turn: StepContext, event: Joined): void {
  const { schedule, nowMs } = turn;
  const known = schedule.donors.get(event.donor);
  if (known?.here) leaveDonor(turn, event.donor);
  const donor = known ?? newDonor(event, schedule.bannedBefore.get(event.donor));
  schedule.donors.set(event.donor, donor);
  donor.slots = Math.max(1, Math.floor(event.slots));
  donor.trusted = event.trusted;
  donor.sameClass = event.sameClass;
  donor.benchmarkSpeed = event.benchmarkSpeed;
  donor.here = true;
  donor.open = true;
  donor.lastHeardMs = nowMs;
  if (donor.banned !== undefined) {
    turn.effects.push({ type: "ban-donor", donor: donor.id, reason: donor.banned });
    return;
  }
  schedule.slots += donor.slots;
  noteRoom(turn, donor);
}

function newDonor(event: Joined, before: BanReason | undefined): DonorState {
  return {
    id: event.donor,
    slots: 0,
    trusted: event.trusted,
    sameClass: event.sameClass,
    here: false,
    open: true,
    banned: before === "mismatch" ? before : undefined,
    lastHeardMs: event.nowMs,
    restUntilMs: event.nowMs,
    leases: new Map(),
    failures: { task: 0, transport: 0, refused: 0, malformed: 0 },
    sceneFrame: undefined,
    results: 0,
    speed: undefined,
    benchmarkSpeed: event.benchmarkSpeed,
  };
}

/** Its leased chunks go to others at once. Results in transfer may still arrive. */
export function leaveDonor(turn: StepContext, id: DonorId): void {
  const donor = turn.schedule.donors.get(id);
  if (!donor?.here) return;
  if (isResponsive(donor)) turn.schedule.slots -= donor.slots;
  donor.here = false;
  turn.schedule.free.delete(donor);
  if (turn.schedule.pin === id) turn.schedule.pin = undefined;
  lose(
    turn,
    [...donor.leases.values()].filter(({ phase }) => phase === "leased"),
  );
}

/**
 * Its owner pauses or resumes a donor. It keeps the chunks it has begun, which may be paused: `scheduleBackups` has
 * them rendered by others when nothing else waits. Its queued chunks go to others at once.
 */
export function changeAvailability(turn: StepContext, event: Extract<ScheduleEvent, { type: "donor-availability" }>): void {
  const { schedule } = turn;
  const donor = schedule.donors.get(event.donor);
  if (!donor?.here || donor.open === event.open) return;
  donor.open = event.open;
  if (donor.banned === undefined) schedule.slots += event.open ? donor.slots : -donor.slots;
  if (event.open) return noteRoom(turn, donor);
  schedule.free.delete(donor);
  if (schedule.pin === donor.id) schedule.pin = undefined;
  const held = [...donor.leases.values()].filter((lease) => lease.phase === "leased" && isWantedElsewhere(schedule, lease));
  for (const lease of held) withdrawLease(turn, lease, "moved");
  for (const lease of held) giveBack(turn, lease);
}

function giveBack(turn: StepContext, lease: Lease): void {
  const chunk = turn.schedule.chunks.get(lease.chunk);
  if (!chunk) return;
  endLease(turn, chunk, lease);
  requeueChunk(turn, chunk, "loss");
}

/** Chunks not begun; and all chunks of an in-order job, which has nothing else to do. */
function isWantedElsewhere({ inOrder }: StepContext["schedule"], { startedAtMs }: Lease): boolean {
  return inOrder || startedAtMs === undefined;
}

/** Ends leases because their donor is gone or silent; only chunks that were being rendered may be at fault. */
function lose(turn: StepContext, leases: readonly Lease[]): void {
  const begun = new Set(leases.filter(({ startedAtMs }) => startedAtMs !== undefined));
  for (const lease of leases) {
    const chunk = turn.schedule.chunks.get(lease.chunk);
    if (!chunk) continue;
    endLease(turn, chunk, lease);
    if (begun.has(lease)) {
      chunk.transportFailures++;
      chunk.lastCode = "PEER_UNREACHABLE";
      chunk.avoid.add(lease.donor);
    }
    requeueChunk(turn, chunk, "loss");
  }
}

/** Removes the donor from this job, with its leases. Results that are being checked stay: we have their files. */
export function banDonor(turn: StepContext, donor: DonorState, reason: BanReason): void {
  if (donor.banned !== undefined) return;
  if (isResponsive(donor)) turn.schedule.slots -= donor.slots;
  donor.banned = reason;
  turn.schedule.free.delete(donor);
  if (turn.schedule.pin === donor.id) turn.schedule.pin = undefined;
  turn.effects.push({ type: "ban-donor", donor: donor.id, reason });
  for (const lease of donor.leases.values()) {
    const chunk = turn.schedule.chunks.get(lease.chunk);
    if (!chunk) continue;
    withdrawLease(turn, lease, "banned");
    endLease(turn, chunk, lease);
    requeueChunk(turn, chunk, "loss");
  }
  if (reason === "mismatch") recheck(turn, donor.id);
}

/** Checks the unchecked results of a donor banned for a mismatch, except those of frames already written. */
function recheck(turn: StepContext, donor: DonorId): void {
  for (const [id, chunk] of turn.schedule.chunks) {
    if (chunk.state !== "accepted" || chunk.delivered || chunk.rechecking || chunk.accepted?.donor !== donor || chunk.accepted.checked)
      continue;
    chunk.rechecking = true;
    requestVerification(turn, id, donor);
  }
}

/**
 * Counts a failure of the donor. Three of a kind in a row ban it; but the last remaining donor is
 * only paused, unless its results are malformed.
 */
export function recordFailure(turn: StepContext, donor: DonorState, kind: Exclude<BanReason, "mismatch">): void {
  const { policy, nowMs, schedule } = turn;
  const inRow = ++donor.failures[kind];
  if (kind !== "task" && inRow > 1) donor.restUntilMs = nowMs + Math.min(policy.maxRestMs, policy.restMs * 2 ** (inRow - 2));
  if (inRow < policy.banAfter) return;
  const others = [...schedule.donors.values()].some((other) => other !== donor && isEligible(other, turn));
  if (others || (kind === "malformed" && !donor.trusted)) banDonor(turn, donor, kind);
}

/** Leases of silent donors, and of stalled chunks, go to others. */
export function expireLeases(turn: StepContext): void {
  const { schedule, nowMs, policy } = turn;
  for (const donor of schedule.donors.values()) {
    if (donor.leases.size === 0) continue;
    const silent = nowMs - donor.lastHeardMs > policy.leaseMs;
    const overdue = silent ? [...donor.leases.values()] : stalledLeases(turn, donor);
    if (overdue.length === 0) continue;
    for (const lease of overdue) withdrawLease(turn, lease, silent ? "expired" : "stalled");
    lose(turn, overdue);
    if (donor.open) recordFailure(turn, donor, "transport");
  }
}

function stalledLeases(turn: StepContext, donor: DonorState): Lease[] {
  const stalled: Lease[] = [];
  for (const lease of donor.leases.values()) if (isStalled(turn, lease)) stalled.push(lease);
  return stalled;
}

function isStalled(turn: StepContext, lease: Lease): boolean {
  if (lease.phase !== "leased" || lease.startedAtMs === undefined) return false;
  const { schedule, policy, nowMs } = turn;
  const elapsedMs = nowMs - lease.startedAtMs;
  if (elapsedMs <= policy.stallMs) return false;
  const expected = measuredSecondsFor(schedule, lease.chunk, lease.donor) ?? 0;
  if (elapsedMs <= expected * 1_000 * policy.stallFactor) return false;
  return [...schedule.donors.values()].some((other) => other.id !== lease.donor && isEligible(other, turn));
}

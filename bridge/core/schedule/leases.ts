import type { ChunkId, DonorId } from "../plan/chunk.ts";
import { isResponsive, isEligible, type StepContext } from "./schedule.ts";
import type { ChunkState, DonorState, Lease, WithdrawCause } from "./types.ts";

/** Leases a chunk to a donor. */
export function grantLease(turn: StepContext, chunk: ChunkState, donor: DonorState): void {
  const { schedule, nowMs, effects } = turn;
  const lease: Lease = {
    chunk: chunk.chunk.id,
    donor: donor.id,
    leasedAtMs: nowMs,
    startedAtMs: undefined,
    phase: "leased",
    sha256: undefined,
  };
  chunk.state = "running";
  chunk.attempts++;
  chunk.leases.set(donor.id, lease);
  schedule.running.add(chunk);
  donor.leases.set(lease.chunk, lease);
  startNext(donor, nowMs);
  effects.push({ type: "lease", chunk: lease.chunk, donor: donor.id, attempt: chunk.attempts });
}

/** Ends a lease; the caller decides what happens to the chunk. */
export function endLease(turn: StepContext, chunk: ChunkState, lease: Lease): void {
  chunk.leases.delete(lease.donor);
  if (chunk.leases.size === 0) turn.schedule.running.delete(chunk);
  const donor = turn.schedule.donors.get(lease.donor);
  if (donor) freeSlot(turn, donor, lease.chunk);
}

/** The donor no longer needs its slot for this chunk. */
export function freeSlot({ schedule, nowMs }: StepContext, donor: DonorState, chunk: ChunkId): void {
  donor.leases.delete(chunk);
  noteRoom({ schedule, nowMs }, donor);
}

/** The donor may have room for more: its next chunk starts, and `assignChunks` looks at it. */
export function noteRoom({ schedule, nowMs }: Pick<StepContext, "schedule" | "nowMs">, donor: DonorState): void {
  startNext(donor, nowMs);
  if (isResponsive(donor)) schedule.free.add(donor);
}

/** Donors render chunks in the order of their leases, as many at a time as they have slots. */
function startNext(donor: DonorState, nowMs: number): void {
  let started = 0;
  for (const lease of donor.leases.values()) {
    if (lease.phase !== "leased") continue;
    if (started++ >= donor.slots) return;
    lease.startedAtMs ??= nowMs;
  }
}

export function withdrawLease(turn: StepContext, lease: Lease, reason: WithdrawCause): void {
  turn.effects.push({ type: "withdraw", chunk: lease.chunk, donor: lease.donor, reason });
}

/** After a lost lease the chunk waits again, or is given up; neither while another donor works on it. */
export function requeueChunk(turn: StepContext, chunk: ChunkState, after: "failure" | "loss"): void {
  if (chunk.leases.size > 0 || chunk.state !== "running") return;
  const hopeless = chunk.transportFailures > turn.policy.maxTransportFailures || (after === "failure" && isChunkAtFault(turn, chunk));
  if (hopeless) return giveUp(turn, chunk);
  chunk.state = "waiting";
  turn.schedule.waiting.add(chunk);
}

function giveUp(turn: StepContext, chunk: ChunkState): void {
  chunk.state = "dead";
  turn.schedule.open--;
  turn.schedule.dead++;
  turn.effects.push({ type: "chunk-dead", chunk: chunk.chunk.id, code: chunk.lastCode });
  // The chunk was at fault, not the donors that tried it.
  for (const id of chunk.failedOn) resetTaskFailures(turn.schedule.donors.get(id));
}

function resetTaskFailures(donor: DonorState | undefined): void {
  if (donor) donor.failures.task = 0;
}

/**
 * The chunk itself is at fault when enough donors failed on it: three, or all if there are fewer (then at least
 * two tries); a donor of this machine tries it before.
 */
function isChunkAtFault(turn: StepContext, chunk: ChunkState): boolean {
  if (chunk.taskFailures < 2) return false;
  const eligible = [...turn.schedule.donors.values()].filter((donor) => isEligible(donor, turn));
  if (eligible.some((donor) => donor.trusted && !chunk.failedOn.has(donor.id))) return false;
  if (chunk.failedOn.size >= turn.policy.deadAfterDonors) return true;
  return eligible.length > 0 && eligible.every(({ id }) => chunk.failedOn.has(id));
}

/** This donor's current lease of this chunk. */
export function findLease(
  { schedule }: StepContext,
  chunk: ChunkId,
  donor: DonorId,
): { readonly chunk: ChunkState; readonly lease: Lease; readonly donor: DonorState } | undefined {
  const state = schedule.chunks.get(chunk);
  const lease = state?.leases.get(donor);
  const holder = schedule.donors.get(donor);
  return state && lease && holder ? { chunk: state, lease, donor: holder } : undefined;
}

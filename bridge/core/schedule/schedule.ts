import type { Chunk, ChunkId, DonorId } from "../plan/chunk.ts";
import type { ReplayedJobState } from "../journal/records.ts";
import type { JobPlan } from "../plan/plan-types.ts";
import type { BanReason, ChunkState, DonorState, ScheduleOutcome, ScheduleEffect, SchedulePolicy } from "./types.ts";
import { WaitingChunks } from "./waiting-chunks.ts";

/** The state of a job. Belongs to `step`, which changes it in place: never keep an old one. */
export interface Schedule {
  readonly chunks: ReadonlyMap<ChunkId, ChunkState>;
  readonly donors: Map<DonorId, DonorState>;
  readonly waiting: WaitingChunks;
  /** Chunks with leases. */
  readonly running: Set<ChunkState>;
  /** Donors that may have room for more; `assignChunks` checks them again. */
  readonly free: Set<DonorState>;
  readonly inOrder: boolean;
  /** Donors get chunks ahead of time. */
  readonly prefetches: boolean;
  /** In-order jobs: the donor that has stepped furthest. */
  pin: DonorId | undefined;
  /** Slots of all responsive donors. */
  slots: number;
  paused: boolean;
  ended: ScheduleOutcome | undefined;
  /** Chunks neither accepted nor dead. */
  open: number;
  dead: number;
  /** Results whose verdicts are pending, by donor; also those of backups that came second. */
  readonly checks: Map<DonorId, Set<ChunkId>>;
  /** Cost units per second of a slot over all donors, smoothed. */
  typicalSpeed: number | undefined;
  /** Measured cost units of this job per reported cost unit of the benchmark scene, smoothed. */
  sceneFactor: number | undefined;
  /** Donors banned for a mismatch in earlier sessions of this job. */
  readonly bannedBefore: ReadonlyMap<DonorId, BanReason>;
}

/** Shared by the parts of one `step`. */
export interface StepContext {
  readonly schedule: Schedule;
  readonly nowMs: number;
  readonly policy: SchedulePolicy;
  readonly effects: ScheduleEffect[];
}

/**
 * The schedule of a new or resumed job: chunks accepted in the journal are not rendered again.
 * A caller that has lost a result leaves its chunk out of `memory.accepted`. When nothing is left to do, the
 * first event of any kind ends the job.
 */
export function startSchedule(
  plan: Pick<JobPlan, "chunks" | "outputs" | "sceneFrames" | "inOrder">,
  journalState?: Pick<ReplayedJobState, "accepted" | "dead" | "banned" | "finishedFrames">,
): Schedule {
  const waiting = new WaitingChunks();
  const delivered = journalState ? deliveredBy(plan, journalState) : new Set<ChunkId>();
  const chunks = new Map<ChunkId, ChunkState>();
  for (const [rank, chunk] of plan.chunks.entries()) {
    const state = newChunk(chunk, rank);
    if (journalState) restoreChunk(state, journalState, delivered.has(chunk.id));
    chunks.set(chunk.id, state);
    if (state.state === "waiting") waiting.add(state);
  }
  const states = [...chunks.values()];
  return {
    chunks,
    donors: new Map(),
    waiting,
    running: new Set(),
    free: new Set(),
    inOrder: plan.inOrder,
    prefetches: plan.chunks.every(({ spec }) => spec.kind === "raw"),
    pin: undefined,
    slots: 0,
    paused: false,
    ended: undefined,
    open: states.filter(({ state }) => state === "waiting").length,
    dead: states.filter(({ state }) => state === "dead").length,
    checks: new Map(),
    typicalSpeed: undefined,
    sceneFactor: undefined,
    bannedBefore: journalState?.banned ?? new Map(),
  };
}

function newChunk(chunk: Chunk, rank: number): ChunkState {
  return {
    chunk,
    rank,
    state: "waiting",
    leases: new Map(),
    attempts: 0,
    avoid: new Set(),
    failedOn: new Set(),
    taskFailures: 0,
    transportFailures: 0,
    lastCode: "BLENDER_RENDER_FAILED",
    accepted: undefined,
    delivered: false,
    rechecking: false,
  };
}

function restoreChunk(state: ChunkState, journalState: Pick<ReplayedJobState, "accepted" | "dead">, delivered: boolean): void {
  const accepted = journalState.accepted.get(state.chunk.id);
  const diedOf = journalState.dead.get(state.chunk.id);
  if (accepted) state.accepted = { donor: accepted.donor, sha256: accepted.sha256, checked: accepted.checked };
  state.delivered = delivered;
  if (diedOf) state.lastCode = diedOf;
  if (accepted || delivered) state.state = "accepted";
  else if (diedOf) state.state = "dead";
}

/** Chunks all of whose frames are written. */
function deliveredBy(
  plan: Pick<JobPlan, "outputs" | "sceneFrames">,
  { finishedFrames }: Pick<ReplayedJobState, "finishedFrames">,
): Set<ChunkId> {
  const needed = new Set(plan.outputs.filter(({ frame }) => !finishedFrames.has(frame)).flatMap(({ sceneFrames }) => sceneFrames));
  return new Set(plan.sceneFrames.filter(({ key }) => !needed.has(key)).flatMap(({ chunks }) => chunks));
}

/** True while its slots count: connected, not paused by its owner, and not banned. */
export function isResponsive(donor: DonorState): boolean {
  return donor.here && donor.open && donor.banned === undefined;
}

/** True when a donor may be leased a chunk now or soon: responsive, and not silent. */
export function isEligible(donor: DonorState, { nowMs, policy }: Pick<StepContext, "nowMs" | "policy">): boolean {
  return isResponsive(donor) && nowMs - donor.lastHeardMs <= policy.suspectMs;
}

/** Chunks that a donor renders or has queued, without results in transfer. */
export function inFlight(donor: DonorState): number {
  let count = 0;
  for (const lease of donor.leases.values()) if (lease.phase === "leased") count++;
  return count;
}

/** Results of a donor that are being fetched or checked: it keeps each of them until it is settled. */
export function unsettledResults({ checks }: Pick<Schedule, "checks">, donor: DonorState): number {
  return donor.leases.size - inFlight(donor) + (checks.get(donor.id)?.size ?? 0);
}

import type { Chunk, ChunkId, DonorId } from "../plan/chunk.ts";
import type { JournalState } from "../journal/records.ts";
import type { JobPlan } from "../plan/plan-types.ts";
import type { BanReason, ChunkState, DonorState, ScheduleOutcome, ScheduleEffect, SchedulePolicy } from "./types.ts";
import { WaitingChunks } from "./waiting-chunks.ts";

/** Where a job stands. Belongs to `step`: it changes in place, so nobody keeps an old one. */
export interface Schedule {
  readonly chunks: ReadonlyMap<ChunkId, ChunkState>;
  readonly donors: Map<DonorId, DonorState>;
  readonly waiting: WaitingChunks;
  /** Chunks with leases. */
  readonly running: Set<ChunkState>;
  /** Donors with room for more; those of whom it is not known are looked at again. */
  readonly free: Set<DonorState>;
  readonly inOrder: boolean;
  /** Donors get chunks ahead of time. */
  readonly prefetches: boolean;
  /** In-order jobs: the donor that has stepped furthest. */
  pin: DonorId | undefined;
  /** Slots of all donors at hand. */
  slots: number;
  paused: boolean;
  ended: ScheduleOutcome | undefined;
  /** Chunks neither accepted nor dead. */
  open: number;
  dead: number;
  /** Results whose verdicts are still to come, by their makers; also those that lost against another donor's. */
  readonly checks: Map<DonorId, Set<ChunkId>>;
  /** Cost units a second of any slot, smoothed. */
  typicalSpeed: number | undefined;
  /** Cost units of this job that a donor does while it says to do one of the known scene, smoothed. */
  sceneFactor: number | undefined;
  /** Liars of earlier sessions of this job. */
  readonly bannedBefore: ReadonlyMap<DonorId, BanReason>;
}

/** What the parts of one `step` share. */
export interface Turn {
  readonly schedule: Schedule;
  readonly nowMs: number;
  readonly policy: SchedulePolicy;
  readonly effects: ScheduleEffect[];
}

/**
 * The schedule of a new job, or of one that goes on: what the journal calls accepted is not rendered again.
 * A caller that has lost a blob leaves its chunk out of `memory.accepted`. When nothing is left to do, the
 * first event of any kind ends the job.
 */
export function startSchedule(
  plan: Pick<JobPlan, "chunks" | "outputs" | "sceneFrames" | "inOrder">,
  journalState?: Pick<JournalState, "accepted" | "dead" | "banned" | "finishedFrames">,
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

function restoreChunk(state: ChunkState, journalState: Pick<JournalState, "accepted" | "dead">, delivered: boolean): void {
  const accepted = journalState.accepted.get(state.chunk.id);
  const diedOf = journalState.dead.get(state.chunk.id);
  if (accepted) state.accepted = { donor: accepted.donor, sha256: accepted.sha256, checked: accepted.checked };
  state.delivered = delivered;
  if (diedOf) state.lastCode = diedOf;
  if (accepted || delivered) state.state = "accepted";
  else if (diedOf) state.state = "dead";
}

/** Chunks all of whose frames stand on disk. */
function deliveredBy(
  plan: Pick<JobPlan, "outputs" | "sceneFrames">,
  { finishedFrames }: Pick<JournalState, "finishedFrames">,
): Set<ChunkId> {
  const needed = new Set(plan.outputs.filter(({ frame }) => !finishedFrames.has(frame)).flatMap(({ sceneFrames }) => sceneFrames));
  return new Set(plan.sceneFrames.filter(({ key }) => !needed.has(key)).flatMap(({ chunks }) => chunks));
}

/** True while its slots count: here, let work by its owner and by us. */
export function isResponsive(donor: DonorState): boolean {
  return donor.here && donor.open && donor.banned === undefined;
}

/** True when a donor may be given work now or soon: at hand, and not silent. */
export function isEligible(donor: DonorState, { nowMs, policy }: Pick<Turn, "nowMs" | "policy">): boolean {
  return isResponsive(donor) && nowMs - donor.lastHeardMs <= policy.suspectMs;
}

/** Chunks that a donor renders or has waiting; results under way do not count. */
export function inFlight(donor: DonorState): number {
  let count = 0;
  for (const lease of donor.leases.values()) if (lease.phase === "leased") count++;
  return count;
}

/** Results of a donor that are being brought or checked: it keeps each of them until we need it no more. */
export function unsettledResults({ checks }: Pick<Schedule, "checks">, donor: DonorState): number {
  return donor.leases.size - inFlight(donor) + (checks.get(donor.id)?.size ?? 0);
}

import type { ChunkId, DonorId } from "../chunk.ts";
import type { JobMemory } from "../journal/records.ts";
import type { JobPlan } from "../plan-types.ts";
import type { BarCause, ChunkState, DonorState, JobOutcome, ScheduleEffect, SchedulePolicy } from "./types.ts";
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
  /** Slots of all donors that are here and not barred. */
  slots: number;
  paused: boolean;
  ended: JobOutcome | undefined;
  /** Chunks neither accepted nor dead. */
  open: number;
  dead: number;
  /** Accepted chunks under a second check. */
  rechecks: number;
  /** Cost units a second of any slot, smoothed. */
  typicalSpeed: number | undefined;
  /** Liars of earlier sessions of this job. */
  readonly barredBefore: ReadonlyMap<DonorId, BarCause>;
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
export function startSchedule(plan: Pick<JobPlan, "chunks" | "outputs" | "units" | "inOrder">, memory?: Pick<JobMemory, "accepted" | "dead" | "barred" | "finishedFrames">): Schedule {
  const waiting = new WaitingChunks();
  const delivered = memory ? deliveredBy(plan, memory) : new Set<ChunkId>();
  const chunks = new Map<ChunkId, ChunkState>();
  for (const [rank, chunk] of plan.chunks.entries()) {
    const accepted = memory?.accepted.get(chunk.id);
    const diedOf = memory?.dead.get(chunk.id);
    const done = accepted !== undefined || delivered.has(chunk.id);
    const state: ChunkState = {
      chunk,
      rank,
      state: done ? "accepted" : diedOf ? "dead" : "waiting",
      leases: new Map(),
      attempts: 0,
      avoid: new Set(),
      failedOn: new Set(),
      taskFailures: 0,
      transportFailures: 0,
      lastCode: diedOf ?? "BLENDER_RENDER_FAILED",
      accepted: accepted && { donor: accepted.donor, sha256: accepted.sha256, checked: accepted.checked },
      delivered: delivered.has(chunk.id),
      rechecking: false,
    };
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
    prefetches: plan.chunks.every(({ spec }) => spec.kind === "floats"),
    pin: undefined,
    slots: 0,
    paused: false,
    ended: undefined,
    open: states.filter(({ state }) => state === "waiting").length,
    dead: states.filter(({ state }) => state === "dead").length,
    rechecks: 0,
    typicalSpeed: undefined,
    barredBefore: memory?.barred ?? new Map(),
  };
}

/** Chunks all of whose frames stand on disk. */
function deliveredBy(plan: Pick<JobPlan, "outputs" | "units">, { finishedFrames }: Pick<JobMemory, "finishedFrames">): Set<ChunkId> {
  const needed = new Set(plan.outputs.filter(({ frame }) => !finishedFrames.has(frame)).flatMap(({ units }) => units));
  return new Set(plan.units.filter(({ key }) => !needed.has(key)).flatMap(({ chunks }) => chunks));
}

/** True when a donor may be given work now or soon: here, in good standing, not silent. */
export function isEligible(donor: DonorState, { nowMs, policy }: Pick<Turn, "nowMs" | "policy">): boolean {
  return donor.here && donor.barred === undefined && nowMs - donor.lastHeardMs <= policy.suspectMs;
}

/** Chunks that a donor renders or has waiting; results under way do not count. */
export function inFlight(donor: DonorState): number {
  let count = 0;
  for (const lease of donor.leases.values()) if (lease.phase === "leased") count++;
  return count;
}

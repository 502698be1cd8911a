import { z } from "zod";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { VerifyLevel } from "../job/option-schemas.ts";
import type { Chunk, ChunkId, DonorId } from "../plan/chunk.ts";

/** What a check of a result found; `warned` is accepted. A check that could not be made is a `result-refused`. */
export type Verdict = "equal" | "warned" | "different";

/**
 * Whose fault a failure is. `task`: Blender crashed, ran out of memory or refused (may be the chunk's fault).
 * `transport`: the donor could not be reached. `refused`: the donor said no.
 */
export type FailureKind = "task" | "transport" | "refused";

/** Why a donor gets no more work of this job. `lied`: its pixels differ from ours. The others: three in a row. */
export const BanReason = z.enum(["mismatch", "task", "transport", "refused", "malformed"]);
export type BanReason = z.infer<typeof BanReason>;

export type WithdrawCause = "finished-elsewhere" | "moved" | "expired" | "stalled" | "banned" | "cancelled";

export type ScheduleOutcome = "complete" | "incomplete" | "cancelled";

/** Everything the schedule ever learns. `nowMs` is monotonic: it never runs backwards. */
export type ScheduleEvent = { readonly nowMs: number } & (
  | {
      readonly type: "donor-joined";
      readonly donor: DonorId;
      readonly slots: number;
      /** A donor of this machine: never checked, asked before a chunk is given up. */
      readonly trusted: boolean;
      /** Renders the same bits as the checker (device class). */
      readonly sameClass: boolean;
      /** What it says of itself: samples x pixels a second of one slot on the known scene; undefined when it does not. */
      readonly benchmarkSpeed?: number | undefined;
    }
  | { readonly type: "donor-left"; readonly donor: DonorId; readonly reason: string }
  | { readonly type: "heartbeat"; readonly donor: DonorId }
  /** Its owner lets it work, or not; it stays here either way. */
  | { readonly type: "donor-availability"; readonly donor: DonorId; readonly open: boolean }
  /** The donor has finished rendering and committed to its result's hashes. `seconds` is render time. */
  | { readonly type: "chunk-rendered"; readonly chunk: ChunkId; readonly donor: DonorId; readonly seconds: number }
  /** The result is here and passed the structural gate. `suspicious`: it holds numbers that are not finite. */
  | {
      readonly type: "result-fetched";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly sha256: Sha256;
      readonly suspicious: boolean;
    }
  /** The result did not pass the gate, did not arrive, or could not be looked at (CHECK_FAILED); the code tells which. */
  | { readonly type: "result-refused"; readonly chunk: ChunkId; readonly donor: DonorId; readonly code: ErrorCode }
  | { readonly type: "result-checked"; readonly chunk: ChunkId; readonly donor: DonorId; readonly verdict: Verdict }
  | {
      readonly type: "chunk-failed";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly code: ErrorCode;
      readonly kind: FailureKind;
    }
  | { readonly type: "tick" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "cancel" }
);

/** What the shell must do; what comes of it returns as a later event. */
export type ScheduleEffect =
  /** `attempt` counts the leases of this chunk, from 1. */
  | { readonly type: "lease"; readonly chunk: ChunkId; readonly donor: DonorId; readonly attempt: number }
  | { readonly type: "withdraw"; readonly chunk: ChunkId; readonly donor: DonorId; readonly reason: WithdrawCause }
  | { readonly type: "fetch"; readonly chunk: ChunkId; readonly donor: DonorId }
  /** Also for chunks already accepted, when their maker was caught: answer with `result-checked` either way. */
  | { readonly type: "check"; readonly chunk: ChunkId; readonly donor: DonorId }
  | { readonly type: "accept"; readonly chunk: ChunkId; readonly donor: DonorId; readonly sha256: Sha256; readonly checked: boolean }
  /** An accepted chunk failed a check made after its maker was caught; it is rendered again. */
  | { readonly type: "revoke"; readonly chunk: ChunkId; readonly donor: DonorId }
  | { readonly type: "ban-donor"; readonly donor: DonorId; readonly reason: BanReason }
  | { readonly type: "chunk-dead"; readonly chunk: ChunkId; readonly code: ErrorCode }
  /** The last effect of a job; every later event is answered with no effects. */
  | { readonly type: "job-ended"; readonly outcome: ScheduleOutcome };

export interface SchedulePolicy {
  readonly verify: VerifyLevel;
  /** Decides which results of a donor are checked; no donor may know it. */
  readonly secret: string;
  /** Spot checks: this many first results of each donor, then one in `spotOneIn`. */
  readonly spotFirst: number;
  readonly spotOneIn: number;
  /** Chunks of floats in flight for each slot of a donor: one rendered, the others waiting there. */
  readonly inFlightPerSlot: number;
  /** Results of a donor that are being brought or checked, beside one for each slot: while there are more, it gets no new chunks. */
  readonly mostUnsettled: number;
  /** Longer chunks are not given out before they can be begun. */
  readonly aheadSeconds: number;
  /** Silence after which a donor gets no new leases, and after which it loses those it has. */
  readonly suspectMs: number;
  readonly leaseMs: number;
  /** A chunk is given up after this many donors failed on it (fewer when there are fewer). */
  readonly deadAfterDonors: number;
  /** Lost leases of one chunk that are blamed on the network; one more, and the chunk is given up. */
  readonly maxTransportFailures: number;
  /** Failures of one kind in a row after which a donor is banned. */
  readonly banAfter: number;
  /** A donor rests after failures that are not the chunk's: doubling from the first to the second. */
  readonly restMs: number;
  readonly maxRestMs: number;
  /** Chunks rendered twice at once, as a share of the donors (at least one). */
  readonly backupShare: number;
  /** A backup is made when it is predicted to take less than this share of the time that the first still needs. */
  readonly backupGain: number;
  /** While no speed is known, a chunk must have run this long before it is backed up. */
  readonly blindBackupMs: number;
  /** A chunk that runs longer than both of these, while others wait for work, is taken away. */
  readonly stallMs: number;
  readonly stallFactor: number;
}

/** A donor's right to a chunk. Only `leased` ones use a slot. */
export interface Lease {
  readonly chunk: ChunkId;
  readonly donor: DonorId;
  readonly leasedAtMs: number;
  /** When a slot of the donor became free for it; undefined while it waits there. */
  startedAtMs: number | undefined;
  phase: "leased" | "fetching" | "checking";
  sha256: Sha256 | undefined;
}

export interface Acceptance {
  readonly donor: DonorId;
  readonly sha256: Sha256;
  readonly checked: boolean;
}

export interface ChunkState {
  readonly chunk: Chunk;
  /** Place in the plan. */
  readonly rank: number;
  state: "waiting" | "running" | "accepted" | "dead";
  readonly leases: Map<DonorId, Lease>;
  attempts: number;
  /** Donors that failed on it, for whatever reason: they are asked last. */
  readonly avoid: Set<DonorId>;
  /** Donors whose Blender failed on it, or who sent junk. */
  readonly failedOn: Set<DonorId>;
  taskFailures: number;
  transportFailures: number;
  /** Code of the last failure: what a dead chunk died of. */
  lastCode: ErrorCode;
  accepted: Acceptance | undefined;
  /** Its picture stands on disk. */
  delivered: boolean;
  /** Checked again after acceptance, because its maker lied elsewhere. */
  rechecking: boolean;
}

export interface DonorState {
  readonly id: DonorId;
  slots: number;
  trusted: boolean;
  sameClass: boolean;
  here: boolean;
  /** Its owner lets it work. */
  open: boolean;
  banned: BanReason | undefined;
  lastHeardMs: number;
  restUntilMs: number;
  /** In the order they were given, which is the order in which they are rendered. */
  readonly leases: Map<ChunkId, Lease>;
  /** Failures in a row, by kind. */
  readonly failures: Record<Exclude<BanReason, "mismatch">, number>;
  /** The unit that its last result is a part of: its Blender has that scene open at that frame. */
  sceneFrame: string | undefined;
  /** Results fetched so far; decides about spot checks. */
  results: number;
  /** Cost units a second on one slot, smoothed; undefined before the first result. */
  speed: number | undefined;
  /** Its own word about it, on another scene. */
  benchmarkSpeed: number | undefined;
}

import { z } from "zod";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { VerifyLevel } from "../job/option-schemas.ts";
import type { Chunk, ChunkId, DonorId } from "../plan/chunk.ts";

/** The verdict of a check; `warned` is accepted. A check that could not be made is a `result-refused`. */
export type Verdict = "equal" | "warned" | "different";

/**
 * Whose fault a failure is. `task`: Blender crashed, ran out of memory or refused (may be the chunk's fault).
 * `transport`: the donor could not be reached. `refused`: the donor refused the lease.
 */
export type FailureKind = "task" | "transport" | "refused";

/** Why a donor gets no more work of this job. `lied`: its pixels differ from ours. The others: three in a row. */
export const BanReason = z.enum(["mismatch", "task", "transport", "refused", "malformed"]);
export type BanReason = z.infer<typeof BanReason>;

export type WithdrawCause = "finished-elsewhere" | "moved" | "expired" | "stalled" | "banned" | "cancelled";

export type ScheduleOutcome = "complete" | "incomplete" | "cancelled";

/** Every input of the schedule. `nowMs` is monotonic. */
export type ScheduleEvent = { readonly nowMs: number } & (
  | {
      readonly type: "donor-joined";
      readonly donor: DonorId;
      readonly slots: number;
      /** A donor of this machine: never checked, tried before a chunk is given up. */
      readonly trusted: boolean;
      /** Renders the same bits as the checker (device class). */
      readonly sameClass: boolean;
      /** Its reported speed: samples x pixels per second of one slot on the benchmark scene; undefined if not reported. */
      readonly benchmarkSpeed?: number | undefined;
    }
  | { readonly type: "donor-left"; readonly donor: DonorId; readonly reason: string }
  | { readonly type: "heartbeat"; readonly donor: DonorId }
  /** Its owner resumed or paused it; it stays connected either way. */
  | { readonly type: "donor-availability"; readonly donor: DonorId; readonly open: boolean }
  /** The donor has finished rendering and committed to its result's hashes. `seconds` is render time. */
  | { readonly type: "chunk-rendered"; readonly chunk: ChunkId; readonly donor: DonorId; readonly seconds: number }
  /** The result was fetched and passed the structural gate. `suspicious`: it holds values that are not finite. */
  | {
      readonly type: "result-fetched";
      readonly chunk: ChunkId;
      readonly donor: DonorId;
      readonly sha256: Sha256;
      readonly suspicious: boolean;
    }
  /** The result did not pass the gate, did not arrive, or could not be checked (CHECK_FAILED), according to the code. */
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

/** What the caller must do; the outcome returns as a later event. */
export type ScheduleEffect =
  /** `attempt` counts the leases of this chunk, from 1. */
  | { readonly type: "lease"; readonly chunk: ChunkId; readonly donor: DonorId; readonly attempt: number }
  | { readonly type: "withdraw"; readonly chunk: ChunkId; readonly donor: DonorId; readonly reason: WithdrawCause }
  | { readonly type: "fetch"; readonly chunk: ChunkId; readonly donor: DonorId }
  /** Also for accepted chunks, when their donor was banned for a mismatch: answer with `result-checked` either way. */
  | { readonly type: "check"; readonly chunk: ChunkId; readonly donor: DonorId }
  | { readonly type: "accept"; readonly chunk: ChunkId; readonly donor: DonorId; readonly sha256: Sha256; readonly checked: boolean }
  /** An accepted chunk failed a check made after its donor was banned; it is rendered again. */
  | { readonly type: "revoke"; readonly chunk: ChunkId; readonly donor: DonorId }
  | { readonly type: "ban-donor"; readonly donor: DonorId; readonly reason: BanReason }
  | { readonly type: "chunk-dead"; readonly chunk: ChunkId; readonly code: ErrorCode }
  /** The last effect of a job; later events have no effects. */
  | { readonly type: "job-ended"; readonly outcome: ScheduleOutcome };

export interface SchedulePolicy {
  readonly verify: VerifyLevel;
  /** Decides which results of a donor are checked; no donor may know it. */
  readonly secret: string;
  /** Spot checks: this many first results of each donor, then one in `spotOneIn`. */
  readonly spotFirst: number;
  readonly spotOneIn: number;
  /** Raw chunks leased per slot of a donor: one is rendered, the others are queued. */
  readonly inFlightPerSlot: number;
  /** Results of a donor that may be fetched or checked at once, plus one per slot: with more, it gets no new chunks. */
  readonly mostUnsettled: number;
  /** Longer chunks are not prefetched. */
  readonly aheadSeconds: number;
  /** Silence after which a donor gets no new leases, and after which it loses those it has. */
  readonly suspectMs: number;
  readonly leaseMs: number;
  /** A chunk is given up after this many donors failed on it (fewer when there are fewer). */
  readonly deadAfterDonors: number;
  /** Lost leases of one chunk that count as network failures; after one more the chunk is given up. */
  readonly maxTransportFailures: number;
  /** Failures of one kind in a row after which a donor is banned. */
  readonly banAfter: number;
  /** Pause of a donor after failures that are not the chunk's: doubling from the first value to the second. */
  readonly restMs: number;
  readonly maxRestMs: number;
  /** Chunks rendered twice at once, as a share of the donors (at least one). */
  readonly backupShare: number;
  /** A backup is leased when it is predicted to take less than this share of the first lease's remaining time. */
  readonly backupGain: number;
  /** While no speed is known, a chunk must have run this long before it is backed up. */
  readonly blindBackupMs: number;
  /** A chunk that runs longer than both of these, while other donors are idle, is withdrawn. */
  readonly stallMs: number;
  readonly stallFactor: number;
}

/** A donor's right to a chunk. Only `leased` ones use a slot. */
export interface Lease {
  readonly chunk: ChunkId;
  readonly donor: DonorId;
  readonly leasedAtMs: number;
  /** When a slot of the donor became free for it; undefined while it is queued. */
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
  /** Position in the plan. */
  readonly rank: number;
  state: "waiting" | "running" | "accepted" | "dead";
  readonly leases: Map<DonorId, Lease>;
  attempts: number;
  /** Donors that failed on it, for any reason: they get it last. */
  readonly avoid: Set<DonorId>;
  /** Donors whose Blender failed on it, or whose result was malformed. */
  readonly failedOn: Set<DonorId>;
  taskFailures: number;
  transportFailures: number;
  /** Code of the last failure: why a dead chunk was given up. */
  lastCode: ErrorCode;
  accepted: Acceptance | undefined;
  /** Its frames are written. */
  delivered: boolean;
  /** Checked after acceptance, because its donor was banned for a mismatch. */
  rechecking: boolean;
}

export interface DonorState {
  readonly id: DonorId;
  slots: number;
  trusted: boolean;
  sameClass: boolean;
  here: boolean;
  /** Not paused by its owner. */
  open: boolean;
  banned: BanReason | undefined;
  lastHeardMs: number;
  restUntilMs: number;
  /** In lease order, which is the order in which they are rendered. */
  readonly leases: Map<ChunkId, Lease>;
  /** Failures in a row, by kind. */
  readonly failures: Record<Exclude<BanReason, "mismatch">, number>;
  /** The scene frame of its last result: its Blender has that scene open at that frame. */
  sceneFrame: string | undefined;
  /** Results fetched so far, for choosing spot checks. */
  results: number;
  /** Measured cost units per second on one slot, smoothed; undefined before the first result. */
  speed: number | undefined;
  /** Its reported speed on the benchmark scene. */
  benchmarkSpeed: number | undefined;
}

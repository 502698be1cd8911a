import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { ChunkId, DonorId, ResultFile } from "../plan/chunk.ts";
import type { PlanOptions, SceneGrid } from "../plan/plan.ts";
import type { SceneFacts } from "../job/scene-facts.ts";
import type { JobOutcome } from "../job/job-events.ts";
import type { LedgerFile } from "../ledger/ledger.ts";
import type { BanReason, VerifyLevel } from "../schedule/types.ts";

/** Blender's own flags of a render, each meaning what it means to Blender. */
export interface JobFlags {
  /** -S */ readonly scene?: string;
  /** -o */ readonly output?: string;
  /** -F */ readonly format?: string;
  /** -x */ readonly useExtension?: boolean;
  /** -s */ readonly frameStart?: number;
  /** -e */ readonly frameEnd?: number;
  /** -j */ readonly frameStep?: number;
}

/** What a plan is made from; the grids are those that were chosen, so that a resumed job is cut as before. */
export interface PlanInput {
  readonly facts: SceneFacts;
  readonly options: PlanOptions & { readonly grids: readonly SceneGrid[] };
}

/** One fact of a job's history, written down before it takes effect. */
export type JobRecord =
  | {
      readonly type: "job-created";
      /** Absolute path of the .blend on the requester's machine. */
      readonly scenePath: string;
      readonly flags: JobFlags;
      readonly planInput: PlanInput;
      readonly manifestHash: Sha256;
      readonly blender: { readonly version: string; readonly buildHash: string };
      readonly verify: VerifyLevel;
      /** Options that the requester wants back at resume (video file, peers, …). */
      readonly settings: Readonly<Record<string, string | number | boolean | readonly string[]>>;
    }
  | {
      readonly type: "chunk-accepted";
      readonly chunk: ChunkId;
      readonly sha256: Sha256;
      readonly files: readonly ResultFile[];
      readonly donor: DonorId;
      readonly checked: boolean;
    }
  | { readonly type: "chunk-revoked"; readonly chunk: ChunkId; readonly donor: DonorId }
  | { readonly type: "chunk-dead"; readonly chunk: ChunkId; readonly code: ErrorCode }
  | { readonly type: "donor-banned"; readonly donor: DonorId; readonly reason: BanReason }
  /** Written down when all its files are on the disk; paths are absolute. */
  | { readonly type: "frame-finished"; readonly frame: number; readonly files: readonly LedgerFile[] }
  | { readonly type: "paused" }
  /** The job goes on: dead chunks get another chance, donors barred for failures too; liars stay out. */
  | { readonly type: "resumed" }
  /** The last word of a run; `error` where something ended it before its time. */
  | { readonly type: "job-ended"; readonly outcome: JobOutcome; readonly error?: { readonly code: string; readonly message: string } };

export type JobCreated = Extract<JobRecord, { type: "job-created" }>;
export type ChunkAccepted = Extract<JobRecord, { type: "chunk-accepted" }>;

/** What the journal of a job adds up to. */
export interface JournalState {
  /** Undefined only for an empty journal. */
  readonly created: JobCreated | undefined;
  readonly accepted: ReadonlyMap<ChunkId, ChunkAccepted>;
  readonly dead: ReadonlyMap<ChunkId, ErrorCode>;
  readonly banned: ReadonlyMap<DonorId, BanReason>;
  readonly finishedFrames: ReadonlyMap<number, readonly LedgerFile[]>;
  /** What ended its last run before its time. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** The outcome once the job has ended; `resumed` sets it going again. */
  readonly state: "running" | "paused" | JobOutcome;
}

import { z } from "zod";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import { KnownErrorCode } from "../job/error-code.ts";
import { FrameNumber } from "../job/scene-facts.ts";
import { RecordName, RecordText } from "./record-texts.ts";
import { JobOutcome, JobError } from "../job/job-events.ts";
import { JOB_OPTIONS } from "../job/job-options.ts";
import { BlenderFlags, DeliveryMode, optionalFields } from "../job/option-schemas.ts";
import { LedgerFile } from "../ledger/ledger.ts";
import { type ChunkId, type DonorId, ResultFile } from "../plan/chunk.ts";
import { PlanInput } from "../plan/plan-types.ts";
import { BanReason } from "../schedule/types.ts";
import { Sha256 } from "../sha256.ts";

/** Limits on a journal's contents: other programs can write into the file. */
const RECORD_LIMITS = { maxListItems: 1_000_000, maxFiles: 10_000 } as const;

/** What the requester needs to resume a job; journals of earlier versions lack some of it. */
export const JobSettings = z.object({
  ...optionalFields(JOB_OPTIONS),
  /** The scene's files, as they were sent. */
  files: z.array(RecordText).max(RECORD_LIMITS.maxListItems).readonly().default([]),
  /** Files the scene names that are missing. */
  missingFiles: z.array(RecordText).max(RECORD_LIMITS.maxListItems).readonly().default([]),
  /** What relative paths are relative to; absolute. */
  cwd: RecordText.default("."),
  deliver: DeliveryMode.default("files"),
});
export type JobSettings = Readonly<z.infer<typeof JobSettings>>;

/** One record of a job's history, written before it takes effect. */
export const JobRecord = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("job-created"),
    /** Absolute path of the .blend on the requester's machine. */
    scenePath: RecordText,
    flags: BlenderFlags,
    planInput: PlanInput,
    manifestHash: Sha256,
    blender: z.strictObject({ version: RecordName, buildHash: RecordName }),
    settings: JobSettings,
  }),
  z.strictObject({
    type: z.literal("chunk-accepted"),
    chunk: RecordName,
    sha256: Sha256,
    files: z.array(ResultFile).max(RECORD_LIMITS.maxFiles).readonly(),
    donor: RecordName,
    checked: z.boolean(),
  }),
  z.strictObject({ type: z.literal("chunk-revoked"), chunk: RecordName, donor: RecordName }),
  z.strictObject({ type: z.literal("chunk-dead"), chunk: RecordName, code: KnownErrorCode }),
  z.strictObject({ type: z.literal("donor-banned"), donor: RecordName, reason: BanReason }),
  /** Written when all its files are on the disk; paths are absolute. */
  z.strictObject({
    type: z.literal("frame-finished"),
    frame: FrameNumber,
    files: z.array(LedgerFile).max(RECORD_LIMITS.maxFiles).readonly(),
  }),
  z.strictObject({ type: z.literal("paused") }),
  /** The job is resumed: dead chunks and donors banned for failures get another chance; donors banned for a mismatch stay banned. */
  z.strictObject({ type: z.literal("resumed") }),
  /** The last record of a run; `error` if an error ended it. */
  z.strictObject({ type: z.literal("job-ended"), outcome: JobOutcome, error: z.exactOptional(JobError) }),
]);
export type JobRecord = Readonly<z.infer<typeof JobRecord>>;

export type JobCreated = Extract<JobRecord, { type: "job-created" }>;
export type ChunkAccepted = Extract<JobRecord, { type: "chunk-accepted" }>;

/** The state of a job as folded from its journal. */
export interface ReplayedJobState {
  /** Undefined only for an empty journal. */
  readonly created: JobCreated | undefined;
  readonly accepted: ReadonlyMap<ChunkId, ChunkAccepted>;
  readonly dead: ReadonlyMap<ChunkId, ErrorCode>;
  readonly banned: ReadonlyMap<DonorId, BanReason>;
  readonly finishedFrames: ReadonlyMap<number, readonly LedgerFile[]>;
  /** The error that ended its last run. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** The outcome once the job has ended; cleared by `resumed`. */
  readonly state: "running" | "paused" | JobOutcome;
}

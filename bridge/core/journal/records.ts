import { z } from "zod";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import { KnownErrorCode } from "../job/error-code.ts";
import { FrameNumber } from "../job/scene-facts.ts";
import { RecordName, RecordText } from "./record-texts.ts";
import { JobOutcome, StoppedBy } from "../job/job-events.ts";
import { JOB_OPTIONS } from "../job/job-options.ts";
import { BlenderFlags, Deliver, optionalFields } from "../job/option-schemas.ts";
import { LedgerFile } from "../ledger/ledger.ts";
import { type ChunkId, type DonorId, ResultFile } from "../plan/chunk.ts";
import { PlanInput } from "../plan/plan-types.ts";
import { BanReason } from "../schedule/types.ts";
import { Sha256 } from "../sha256.ts";

/** Bounds on what a journal may hold: it is our own file, but other programs can write into it. */
const RECORD_LIMITS = { maxListItems: 1_000_000, maxFiles: 10_000 } as const;

/** What the requester wants back when it takes a job up again; an early journal lacks some of it. */
export const JobSettings = z.object({
  ...optionalFields(JOB_OPTIONS),
  /** The scene's files, as they were sent. */
  files: z.array(RecordText).max(RECORD_LIMITS.maxListItems).readonly().default([]),
  /** Files the scene names and nobody has. */
  missingFiles: z.array(RecordText).max(RECORD_LIMITS.maxListItems).readonly().default([]),
  /** What relative paths are relative to; absolute. */
  cwd: RecordText.default("."),
  deliver: Deliver.default("files"),
});
export type JobSettings = Readonly<z.infer<typeof JobSettings>>;

/** One fact of a job's history, written down before it takes effect. */
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
  /** Written down when all its files are on the disk; paths are absolute. */
  z.strictObject({
    type: z.literal("frame-finished"),
    frame: FrameNumber,
    files: z.array(LedgerFile).max(RECORD_LIMITS.maxFiles).readonly(),
  }),
  z.strictObject({ type: z.literal("paused") }),
  /** The job goes on: dead chunks get another chance, donors banned for failures too; liars stay out. */
  z.strictObject({ type: z.literal("resumed") }),
  /** The last word of a run; `error` where something ended it before its time. */
  z.strictObject({ type: z.literal("job-ended"), outcome: JobOutcome, error: z.exactOptional(StoppedBy) }),
]);
export type JobRecord = Readonly<z.infer<typeof JobRecord>>;

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

import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { BanReason } from "../schedule/types.ts";
import type { LedgerFile } from "../ledger/ledger.ts";
import type { ChunkAccepted, JobCreated, ReplayedJobState, JobRecord } from "./records.ts";

interface Growing extends ReplayedJobState {
  created: JobCreated | undefined;
  state: ReplayedJobState["state"];
  error: ReplayedJobState["error"];
  readonly accepted: Map<ChunkId, ChunkAccepted>;
  readonly dead: Map<ChunkId, ErrorCode>;
  readonly banned: Map<DonorId, BanReason>;
  readonly finishedFrames: Map<number, readonly LedgerFile[]>;
}

/** Adds up a job's journal, oldest record first. A record that repeats another changes nothing. */
export function foldJournal(records: Iterable<JobRecord>): ReplayedJobState {
  const journalState: Growing = {
    created: undefined,
    accepted: new Map(),
    dead: new Map(),
    banned: new Map(),
    finishedFrames: new Map(),
    state: "running",
    error: undefined,
  };
  for (const record of records) add(journalState, record);
  return journalState;
}

function add(journalState: Growing, record: JobRecord): void {
  switch (record.type) {
    case "job-created":
      journalState.created ??= record;
      return;
    case "chunk-accepted":
      if (!journalState.accepted.has(record.chunk)) journalState.accepted.set(record.chunk, record);
      return;
    case "chunk-revoked":
      journalState.accepted.delete(record.chunk);
      return;
    case "chunk-dead":
      journalState.dead.set(record.chunk, record.code);
      return;
    case "donor-banned":
      journalState.banned.set(record.donor, record.reason);
      return;
    case "frame-finished":
      journalState.finishedFrames.set(record.frame, record.files);
      return;
    default:
      changeState(journalState, record);
  }
}

function changeState(journalState: Growing, record: Extract<JobRecord, { type: "paused" | "resumed" | "job-ended" }>): void {
  journalState.error = record.type === "job-ended" ? record.error : undefined;
  if (record.type === "paused") journalState.state = "paused";
  else if (record.type === "job-ended") journalState.state = record.outcome;
  else {
    journalState.state = "running";
    journalState.dead.clear();
    for (const [donor, reason] of journalState.banned) if (reason !== "mismatch") journalState.banned.delete(donor);
  }
}

import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { BanReason } from "../schedule/types.ts";
import type { LedgerFile } from "../ledger/ledger.ts";
import type { ChunkAccepted, JobCreated, JournalState, JobRecord } from "./records.ts";

interface Growing extends JournalState {
  created: JobCreated | undefined;
  state: JournalState["state"];
  error: JournalState["error"];
  readonly accepted: Map<ChunkId, ChunkAccepted>;
  readonly dead: Map<ChunkId, ErrorCode>;
  readonly banned: Map<DonorId, BanReason>;
  readonly finishedFrames: Map<number, readonly LedgerFile[]>;
}

/** Adds up a job's journal, oldest record first. A record that repeats another changes nothing. */
export function foldJournal(records: Iterable<JobRecord>): JournalState {
  const memory: Growing = {
    created: undefined,
    accepted: new Map(),
    dead: new Map(),
    banned: new Map(),
    finishedFrames: new Map(),
    state: "running",
    error: undefined,
  };
  for (const record of records) add(memory, record);
  return memory;
}

function add(memory: Growing, record: JobRecord): void {
  switch (record.type) {
    case "job-created":
      memory.created ??= record;
      return;
    case "chunk-accepted":
      if (!memory.accepted.has(record.chunk)) memory.accepted.set(record.chunk, record);
      return;
    case "chunk-revoked":
      memory.accepted.delete(record.chunk);
      return;
    case "chunk-dead":
      memory.dead.set(record.chunk, record.code);
      return;
    case "donor-banned":
      memory.banned.set(record.donor, record.reason);
      return;
    case "frame-finished":
      memory.finishedFrames.set(record.frame, record.files);
      return;
    default:
      changeState(memory, record);
  }
}

function changeState(memory: Growing, record: Extract<JobRecord, { type: "paused" | "resumed" | "job-ended" }>): void {
  memory.error = record.type === "job-ended" ? record.error : undefined;
  if (record.type === "paused") memory.state = "paused";
  else if (record.type === "job-ended") memory.state = record.outcome;
  else {
    memory.state = "running";
    memory.dead.clear();
    for (const [donor, reason] of memory.banned) if (reason !== "mismatch") memory.banned.delete(donor);
  }
}

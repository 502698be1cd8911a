import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { BarCause } from "../schedule/types.ts";
import type { LedgerFile } from "../ledger/ledger.ts";
import type { ChunkAccepted, JobCreated, JobMemory, JobRecord } from "./records.ts";

interface Growing extends JobMemory {
  created: JobCreated | undefined;
  state: JobMemory["state"];
  error: JobMemory["error"];
  readonly accepted: Map<ChunkId, ChunkAccepted>;
  readonly dead: Map<ChunkId, ErrorCode>;
  readonly barred: Map<DonorId, BarCause>;
  readonly finishedFrames: Map<number, readonly LedgerFile[]>;
}

/** Adds up a job's journal, oldest record first. A record that repeats another changes nothing. */
export function foldJournal(records: Iterable<JobRecord>): JobMemory {
  const memory: Growing = {
    created: undefined,
    accepted: new Map(),
    dead: new Map(),
    barred: new Map(),
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
    case "donor-barred":
      memory.barred.set(record.donor, record.because);
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
    for (const [donor, because] of memory.barred) if (because !== "lied") memory.barred.delete(donor);
  }
}

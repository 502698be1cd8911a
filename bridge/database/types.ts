import type { EnvironmentDigest, EnvironmentBlenderInfo } from "../core/environments/facts.ts";
import type { JobRecord } from "../core/journal/records.ts";
import type { ScheduleOutcome } from "../core/schedule/types.ts";

/** A record with its number in the journal (ascending over all jobs) and wall time in milliseconds. */
export interface StoredRecord {
  readonly seq: number;
  readonly at: number;
  readonly record: JobRecord;
}

/** The append-only history of all jobs. */
export interface Journal {
  /** Resolves when the records are on disk. Calls made within 10 ms share one commit. Throws DISK_FULL. */
  append(job: string, records: readonly JobRecord[]): Promise<void>;
  read(job: string): readonly StoredRecord[];
}

/** `queued`: accepted by a serving bridge, not started. */
export type StoredJobState = "queued" | "running" | "paused" | ScheduleOutcome | "failed";

/** A line of the job list. */
export interface JobRow {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly scenePath: string;
  readonly title: string;
  readonly state: StoredJobState;
}

export interface JobTable {
  /** Adds or replaces the job. */
  put(row: JobRow): void;
  /** Newest first. */
  list(): readonly JobRow[];
  get(id: string): JobRow | undefined;
  setState(id: string, state: StoredJobState, nowMs: number): void;
  /**
   * Locks the job for one process until `untilMs` (wall time); a second call by the same owner renews the lock.
   * @returns false while another owner's lock lasts.
   */
  lock(id: string, owner: string, times: { readonly nowMs: number; readonly untilMs: number }): boolean;
  release(id: string, owner: string): void;
  /** Whether a process has the job locked now. */
  isLocked(id: string, nowMs: number): boolean;
}

/** A command of another process for a running job. */
export type JobCommand = "cancel" | "pause" | "resume";

export interface JobCommands {
  /** Replaces an earlier command. */
  set(job: string, command: JobCommand): void;
  /** Returns the command and removes it. */
  take(job: string): JobCommand | undefined;
}

/** Jobs submitted to a serving bridge: what it needs to resume them. The texts are in its own format. */
export interface ServedJobs {
  put(job: string, body: string): void;
  /** In order of submission. */
  list(): readonly { readonly job: string; readonly body: string }[];
  delete(job: string): void;
}

export interface SettingsTable {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
}

/** An environment that this node has, or had when it was last checked. */
export interface EnvironmentRow {
  readonly digest: EnvironmentDigest;
  readonly facts: EnvironmentBlenderInfo;
  /** Unpacked in the engine. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
  /** Built here, or the peer ids it was fetched from. */
  readonly origin: "built" | readonly string[];
  /** Shared with peers. */
  readonly isShared: boolean;
}

export interface Environments {
  /** Adds or replaces it. */
  put(row: EnvironmentRow): void;
  /** Newest first. */
  list(): readonly EnvironmentRow[];
  get(digest: EnvironmentDigest): EnvironmentRow | undefined;
  setShared(digest: EnvironmentDigest, isShared: boolean): void;
  delete(digest: EnvironmentDigest): void;
}

/** The node's one SQLite file. Several processes may hold it open. */
export interface Database extends AsyncDisposable {
  readonly journal: Journal;
  readonly jobs: JobTable;
  readonly jobCommands: JobCommands;
  readonly served: ServedJobs;
  readonly settings: SettingsTable;
  readonly environments: Environments;
  /** Writes pending records, then closes. Idempotent. */
  close(): Promise<void>;
}

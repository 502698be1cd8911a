import type { EnvironmentDigest, EnvironmentFacts } from "../core/environments/facts.ts";
import type { JobRecord } from "../core/journal/records.ts";
import type { ScheduleOutcome } from "../core/schedule/types.ts";

/** A record with its place in the journal (ascending over all jobs) and wall time in milliseconds. */
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

/** `queued`: a bridge that serves has it, and has not begun. */
export type JobState = "queued" | "running" | "paused" | ScheduleOutcome | "failed";

/** A line of the job list. */
export interface JobRow {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly scenePath: string;
  readonly title: string;
  readonly state: JobState;
}

export interface Jobs {
  /** Adds the job, or replaces its line. */
  put(row: JobRow): void;
  /** Newest first. */
  list(): readonly JobRow[];
  get(id: string): JobRow | undefined;
  setState(id: string, state: JobState, nowMs: number): void;
  /**
   * Takes the job for one process until `untilMs` (wall time); taken again by the same owner, it is prolonged.
   * @returns false while another owner's lock lasts.
   */
  lock(id: string, owner: string, times: { readonly nowMs: number; readonly untilMs: number }): boolean;
  release(id: string, owner: string): void;
  /** Some process has the job at this moment. */
  isLocked(id: string, nowMs: number): boolean;
}

/** What another process wants of a running job. */
export type JobCommand = "cancel" | "pause" | "resume";

export interface JobCommands {
  /** The last command stands. */
  set(job: string, command: JobCommand): void;
  /** Returns the command and forgets it. */
  take(job: string): JobCommand | undefined;
}

/** Jobs that a serving bridge was asked for: what it must know to take them up again. The texts are its own. */
export interface ServedJobs {
  put(job: string, body: string): void;
  /** In the order in which they came. */
  list(): readonly { readonly job: string; readonly body: string }[];
  delete(job: string): void;
}

export interface Settings {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
}

/** An environment that this node has, or had when it was last looked for. */
export interface EnvironmentRow {
  readonly digest: EnvironmentDigest;
  readonly facts: EnvironmentFacts;
  /** As the engine unpacks it. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
  /** Built here, or the peer ids it was taken from. */
  readonly origin: "built" | readonly string[];
  /** Peers may have it. */
  readonly isShared: boolean;
}

export interface Environments {
  /** Adds it, or replaces its line. */
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
  readonly jobs: Jobs;
  readonly jobCommands: JobCommands;
  readonly served: ServedJobs;
  readonly settings: Settings;
  readonly environments: Environments;
  /** Writes what waits, then closes. Idempotent. */
  close(): Promise<void>;
}

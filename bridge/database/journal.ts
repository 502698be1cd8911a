import type { DatabaseSync, StatementSync } from "node:sqlite";
import { JobRecord } from "../core/journal/records.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Journal, StoredRecord } from "./types.ts";

/**
 * One commit takes the records of a short interval, or this many: a flush to disk costs the same for all. The
 * interval is a few times the duration of the last commit, so that it adapts to the disk's speed.
 */
const GROUP_COMMIT = { waitPerCommit: 4, maxWaitMs: 10, maxRecords: 32 } as const;

interface Waiting {
  readonly job: string;
  readonly bodies: readonly string[];
  readonly settle: PromiseWithResolvers<void>;
}

export class SqliteJournal implements Journal {
  readonly #sqlite: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #options: { readonly now: () => number; readonly name: (error: unknown) => unknown };
  #waiting: Waiting[] = [];
  #records = 0;
  /** Duration of the last commit. */
  #commitMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(sqlite: DatabaseSync, options: { readonly now: () => number; readonly name: (error: unknown) => unknown }) {
    this.#sqlite = sqlite;
    this.#options = options;
    this.#insert = sqlite.prepare("INSERT INTO journal (job, at, body) VALUES (?, ?, ?)");
    this.#select = sqlite.prepare("SELECT seq, at, body FROM journal WHERE job = ? ORDER BY seq");
  }

  append(job: string, records: readonly JobRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ job, bodies: records.map((record) => JSON.stringify(record)), settle });
    this.#records += records.length;
    if (this.#records >= GROUP_COMMIT.maxRecords) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), Math.min(GROUP_COMMIT.maxWaitMs, GROUP_COMMIT.waitPerCommit * this.#commitMs));
    return settle.promise;
  }

  /** Commits pending records now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = this.#waiting;
    this.#waiting = [];
    this.#records = 0;
    if (group.length === 0) return;
    try {
      this.#commit(group);
    } catch (error) {
      for (const { settle } of group) settle.reject(this.#options.name(error));
      return;
    }
    for (const { settle } of group) settle.resolve();
  }

  #commit(group: readonly Waiting[]): void {
    const at = this.#options.now();
    const begun = performance.now();
    this.#sqlite.exec("BEGIN IMMEDIATE");
    try {
      for (const { job, bodies } of group) for (const body of bodies) this.#insert.run(job, at, body);
      this.#sqlite.exec("COMMIT");
      this.#commitMs = performance.now() - begun;
    } catch (error) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec("ROLLBACK");
      throw error;
    }
  }

  read(job: string): readonly StoredRecord[] {
    return this.#select.all(job).map((row) => {
      try {
        return { seq: Number(row["seq"]), at: Number(row["at"]), record: JobRecord.parse(JSON.parse(String(row["body"]))) };
      } catch (error) {
        throw new FarmError(
          "DATABASE_CORRUPT",
          `the journal of job ${job} has a record that cannot be read (number ${Number(row["seq"])})`,
          {
            facts: { job, seq: Number(row["seq"]) },
            advice: "Start the render again as a new job.",
            cause: error,
          },
        );
      }
    });
  }
}

import { z } from "zod";
import type { Sqlite, Statement } from "./named-sqlite.ts";
import type { JobRow, JobTable, StoredJobState } from "./types.ts";

const Row = z
  .strictObject({
    id: z.string(),
    created_at: z.number(),
    updated_at: z.number(),
    scene_path: z.string(),
    title: z.string(),
    state: z.enum(["queued", "running", "paused", "complete", "incomplete", "cancelled", "failed"]),
  })
  .transform(
    (row): JobRow => ({
      id: row.id,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      scenePath: row.scene_path,
      title: row.title,
      state: row.state,
    }),
  );

type Statements = Record<"put" | "list" | "get" | "setState" | "lock" | "release" | "locked", Statement>;

export class SqliteJobs implements JobTable {
  readonly #sqlite: Sqlite;
  readonly #statements: Statements;

  constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
    this.#statements = {
      put: sqlite.prepare("INSERT OR REPLACE INTO jobs (id, created_at, updated_at, scene_path, title, state) VALUES (?, ?, ?, ?, ?, ?)"),
      list: sqlite.prepare("SELECT * FROM jobs ORDER BY created_at DESC, id DESC"),
      get: sqlite.prepare("SELECT * FROM jobs WHERE id = ?"),
      setState: sqlite.prepare("UPDATE jobs SET state = ?, updated_at = ? WHERE id = ?"),
      lock: sqlite.prepare(
        `INSERT INTO job_locks (job, owner, until_ms) VALUES (:job, :owner, :untilMs)
         ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
         WHERE job_locks.owner = excluded.owner OR job_locks.until_ms <= :nowMs`,
      ),
      locked: sqlite.prepare("SELECT 1 FROM job_locks WHERE job = ? AND until_ms > ?"),
      release: sqlite.prepare("DELETE FROM job_locks WHERE job = ? AND owner = ?"),
    };
  }

  put(row: JobRow): void {
    this.#statements.put.run(row.id, row.createdAt, row.updatedAt, row.scenePath, row.title, row.state);
  }

  list(): readonly JobRow[] {
    return this.#statements.list.all().map((row) => Row.parse({ ...row }));
  }

  get(id: string): JobRow | undefined {
    const row = this.#statements.get.get(id);
    return row && Row.parse({ ...row });
  }

  setState(id: string, state: StoredJobState, nowMs: number): void {
    this.#statements.setState.run(state, nowMs, id);
  }

  lock(id: string, owner: string, { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number }): boolean {
    // No sync: a lock is renewed all the time, need not survive a power cut, and each sync blocks the whole process.
    this.#sqlite.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.#statements.lock.run({ job: id, owner, nowMs, untilMs }).changes === 1;
    } finally {
      this.#sqlite.exec("PRAGMA synchronous = FULL");
    }
  }

  release(id: string, owner: string): void {
    this.#statements.release.run(id, owner);
  }

  isLocked(id: string, nowMs: number): boolean {
    return this.#statements.locked.get(id, nowMs) !== undefined;
  }
}

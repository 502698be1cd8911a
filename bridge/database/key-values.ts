import { z } from "zod";
import type { Sqlite, Statement } from "./named-sqlite.ts";
import type { ServedJobs, SettingsTable, JobCommand, JobCommands } from "./types.ts";

const CommandSchema = z.enum(["cancel", "pause", "resume"]);

export class SqliteJobCommands implements JobCommands {
  readonly #set: Statement;
  readonly #take: Statement;

  constructor(sqlite: Sqlite) {
    this.#set = sqlite.prepare("INSERT OR REPLACE INTO job_commands (job, command) VALUES (?, ?)");
    this.#take = sqlite.prepare("DELETE FROM job_commands WHERE job = ? RETURNING command");
  }

  set(job: string, command: JobCommand): void {
    this.#set.run(job, command);
  }

  take(job: string): JobCommand | undefined {
    const [row] = this.#take.all(job);
    return row && CommandSchema.parse(row["command"]);
  }
}

export class SqliteServedJobs implements ServedJobs {
  readonly #put: Statement;
  readonly #list: Statement;
  readonly #delete: Statement;

  constructor(sqlite: Sqlite) {
    this.#put = sqlite.prepare("INSERT INTO served (job, body) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET body = excluded.body");
    this.#list = sqlite.prepare("SELECT job, body FROM served ORDER BY seq");
    this.#delete = sqlite.prepare("DELETE FROM served WHERE job = ?");
  }

  put(job: string, body: string): void {
    this.#put.run(job, body);
  }

  list(): readonly { readonly job: string; readonly body: string }[] {
    return this.#list.all().map((row) => ({ job: String(row["job"]), body: String(row["body"]) }));
  }

  delete(job: string): void {
    this.#delete.run(job);
  }
}

export class SqliteSettings implements SettingsTable {
  readonly #get: Statement;
  readonly #set: Statement;
  readonly #delete: Statement;

  constructor(sqlite: Sqlite) {
    this.#get = sqlite.prepare("SELECT value FROM settings WHERE key = ?");
    this.#set = sqlite.prepare("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)");
    this.#delete = sqlite.prepare("DELETE FROM settings WHERE key = ?");
  }

  get(key: string): string | undefined {
    const value = this.#get.get(key)?.["value"];
    return typeof value === "string" ? value : undefined;
  }

  set(key: string, value: string): void {
    this.#set.run(key, value);
  }

  delete(key: string): void {
    this.#delete.run(key);
  }
}

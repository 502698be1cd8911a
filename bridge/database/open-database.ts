import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { FarmError, messageOf } from "../kernel/errors.ts";
import { SqliteEnvironments } from "./environments.ts";
import { SqliteJobs } from "./jobs.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteServedJobs, SqliteSettings, SqliteJobCommands } from "./key-values.ts";
import { sqliteWithNamedErrors } from "./named-sqlite.ts";
import { openOrReplace } from "./sqlite-file.ts";
import { translateSqliteError } from "./sqlite-failure.ts";
import type { Database } from "./types.ts";

export interface OpenOptions {
  /** Called with a message when a damaged file was moved aside (DATABASE_CORRUPT). */
  readonly onCorrupt?: (message: string) => void;
  /** Wall time in milliseconds, for records and for the name of a file that is moved aside. */
  readonly now?: () => number;
}

/**
 * Opens the node's database, making it when there is none. Every write is on disk when it returns (for the
 * journal: when its promise resolves). Throws HOME_NOT_WRITABLE, HOME_BUSY, DISK_FULL.
 */
export function openDatabase(file: string, options: OpenOptions = {}): Database {
  const now = options.now ?? Date.now;
  const name = (error: unknown) => translateSqliteError(error, file);
  const sqlite = opened(file, { nowMs: now(), onCorrupt: options.onCorrupt ?? (() => {}) }, name);
  const journal = new SqliteJournal(sqlite, { now, name });
  const tables = sqliteWithNamedErrors(sqlite, name);
  const close = async () => {
    if (!sqlite.isOpen) return;
    journal.flush();
    sqlite.close();
  };
  return {
    journal,
    jobs: new SqliteJobs(tables),
    jobCommands: new SqliteJobCommands(tables),
    served: new SqliteServedJobs(tables),
    settings: new SqliteSettings(tables),
    environments: new SqliteEnvironments(tables),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The home, in a folder that exists. */
function makeHome(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return; // a file in its place fails when the database is opened
    throw new FarmError("HOME_NOT_WRITABLE", `the folder ${folder} cannot be made (${messageOf(error)})`, { cause: error });
  }
}

function opened(file: string, options: Parameters<typeof openOrReplace>[1], name: (error: unknown) => unknown): DatabaseSync {
  makeHome(dirname(file));
  try {
    return openOrReplace(file, options);
  } catch (error) {
    throw name(error);
  }
}

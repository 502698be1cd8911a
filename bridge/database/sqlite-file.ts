import { existsSync, renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../kernel/errors.ts";
import { migrate } from "./migrations.ts";
import { isBusy, isCorruption } from "./sqlite-failure.ts";

/** How long to wait for another process's write. */
const BUSY_TIMEOUT_MS = 10_000;

/** Delay between two attempts to open a file that other processes are opening. */
const RETRY_MS = 20;

/**
 * Opens the file, makes it durable, checks its integrity and migrates it. Throws SQLite's errors. SQLite does not wait
 * when two processes create one file at once, or when the last other one is just closing it: we do.
 */
export function openSqlite(file: string): DatabaseSync {
  for (const untilMs = performance.now() + BUSY_TIMEOUT_MS; ; ) {
    try {
      return openOnce(file);
    } catch (error) {
      if (!isBusy(error) || performance.now() > untilMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function openOnce(file: string): DatabaseSync {
  const sqlite = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    sqlite.exec("PRAGMA journal_mode = WAL");
    sqlite.exec("PRAGMA synchronous = FULL");
    const [answer] = sqlite.prepare("PRAGMA integrity_check(1)").all();
    const verdict = answer?.["integrity_check"];
    if (verdict !== "ok") throw Object.assign(new Error(String(verdict)), { errcode: 11 });
    migrate(sqlite);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** As `openSqlite`; a damaged file is moved aside with its WAL files, with a message, and a new one is created. */
export function openOrReplace(
  file: string,
  options: { readonly nowMs: number; readonly onCorrupt: (message: string) => void },
): DatabaseSync {
  try {
    return openSqlite(file);
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const aside = `${file}.corrupt-${new Date(options.nowMs).toISOString().replaceAll(/[:.]/g, "-")}`;
    for (const suffix of ["", "-wal", "-shm"]) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    options.onCorrupt(`${file} is damaged (${messageOf(error)}) and was moved to ${aside}`);
    return openSqlite(file);
  }
}

import { FarmError } from "../kernel/errors.ts";

/** Primary result codes of SQLite (sqlite3.h). */
const SQLITE = { busy: 5, readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

/** SQLite's primary result code of anything thrown; undefined when SQLite did not throw it. */
function resultCodeOf(error: unknown): number | undefined {
  const code = (error as { readonly errcode?: unknown } | undefined)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

export function isCorruption(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

export function isBusy(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE.busy;
}

/** Converts SQLite errors that a user can fix to our codes; others are unchanged. */
export function translateSqliteError(error: unknown, file: string): unknown {
  const text = error instanceof Error ? error.message : String(error);
  switch (resultCodeOf(error)) {
    case SQLITE.full:
      return new FarmError("DISK_FULL", `${file} could not be written: the disk is full`, { cause: error });
    case SQLITE.busy:
      return new FarmError("HOME_BUSY", `${file} was locked by another process for too long`, { cause: error });
    case SQLITE.corrupt:
    case SQLITE.notADatabase:
      return new FarmError("DATABASE_CORRUPT", `${file} is damaged (${text})`, {
        cause: error,
        advice: "Start the bridge again: it moves the file aside and creates a new one.",
      });
    case SQLITE.readOnly:
    case SQLITE.cannotOpen:
    case SQLITE.ioError:
      return new FarmError("HOME_NOT_WRITABLE", `${file} could not be written (${text})`, { cause: error });
    default:
      return error;
  }
}

import type { DatabaseSync } from "node:sqlite";
import { FarmError } from "../kernel/errors.ts";

/** JSON names that changed in version 5. Quotes inside texts are escaped, so only names match. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['"frameUnits":', '"frameInputs":'],
  ['"units":', '"sceneFrames":'],
  ['"lateFrames":', '"tailFrames":'],
  ['"because":', '"reason":'],
  ['"sentence":', '"message":'],
  ['"type":"donor-barred"', '"type":"donor-banned"'],
  ['"reason":"lied"', '"reason":"mismatch"'],
  ['"reason":"junk"', '"reason":"malformed"'],
  ['"role":"floats"', '"role":"raw"'],
  ['"deliver":"floats"', '"deliver":"raw"'],
  ['"wish":', '"submission":'],
];

/** Each entry migrates the file from one version (its index) to the next; entries are never changed, only added. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE INDEX journal_by_job ON journal (job, seq);
   CREATE TABLE jobs (
     id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, scene_path TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE claims (job TEXT PRIMARY KEY, owner TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE wishes (job TEXT PRIMARY KEY, wish TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE environments (
     digest TEXT PRIMARY KEY, facts TEXT NOT NULL, bytes INTEGER NOT NULL, added_at INTEGER NOT NULL, origin TEXT NOT NULL, shared INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE served (seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;`,
  // A finished frame's files have their sizes beside them; those of older jobs are not known.
  `UPDATE journal SET body = json_remove(json_set(body, '$.files',
     json((SELECT json_group_array(json_object('path', each.value)) FROM json_each(journal.body, '$.outputs') AS each))), '$.outputs')
   WHERE json_extract(body, '$.type') = 'frame-finished';`,
  `ALTER TABLE wishes RENAME TO job_commands;
   ALTER TABLE job_commands RENAME COLUMN wish TO command;
   ALTER TABLE claims RENAME TO job_locks;
   UPDATE settings SET key = 'donor.command', value = replace(value, '"wish":', '"command":') WHERE key = 'donor.wish';
   UPDATE journal SET body = ${renamed("body")};
   UPDATE served SET body = ${renamed("body")};
   UPDATE journal SET body = json_remove(json_set(body, '$.settings.verify', json_extract(body, '$.verify')), '$.verify')
   WHERE json_extract(body, '$.type') = 'job-created';`,
];

function renamed(column: string): string {
  return RENAMED.reduce((text, [before, after]) => `replace(${text}, '${before}', '${after}')`, column);
}

/** Migrates the file to this program's version (or, for tests, to an older one). If several processes try at once, one does it and the others wait. */
export function migrate(sqlite: DatabaseSync, target = MIGRATIONS.length): void {
  if (versionOf(sqlite) === target) return;
  sqlite.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(sqlite);
    if (version > MIGRATIONS.length) {
      throw new FarmError(
        "HOME_BUSY",
        `the home was last used by a newer bridge (its database has version ${version}, this bridge knows ${MIGRATIONS.length})`,
        {
          advice: "Update this bridge, or choose another home with --home.",
        },
      );
    }
    for (const migration of MIGRATIONS.slice(version, target)) sqlite.exec(migration);
    sqlite.exec(`PRAGMA user_version = ${target}`);
    sqlite.exec("COMMIT");
  } catch (error) {
    sqlite.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(sqlite: DatabaseSync): number {
  return Number(sqlite.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}

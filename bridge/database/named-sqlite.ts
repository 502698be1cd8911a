import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

/** Values by place, or one object with those that have names. */
type Values = readonly SQLInputValue[] | readonly [Record<string, SQLInputValue>];
type Row = Record<string, SQLOutputValue>;

export interface Statement {
  run(...values: Values): { readonly changes: number | bigint };
  get(...values: Values): Row | undefined;
  all(...values: Values): Row[];
}

/** What tables need of the database. */
export interface Sqlite {
  prepare(sql: string): Statement;
  exec(sql: string): void;
}

/** The same database, whose failures are named for the person who can do something about them (DISK_FULL, HOME_BUSY, …). */
export function namedSqlite(sqlite: DatabaseSync, name: (error: unknown) => unknown): Sqlite {
  const named = <R>(work: () => R): R => {
    try {
      return work();
    } catch (error) {
      throw name(error);
    }
  };
  const statement = (inner: StatementSync): Statement => ({
    run: (...values) => named(() => inner.run(...(values as SQLInputValue[]))),
    get: (...values) => named(() => inner.get(...(values as SQLInputValue[]))),
    all: (...values) => named(() => inner.all(...(values as SQLInputValue[]))),
  });
  return { prepare: (sql) => statement(sqlite.prepare(sql)), exec: (sql) => named(() => sqlite.exec(sql)) };
}

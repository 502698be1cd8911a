import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

/** Values by position, or one object with named ones. */
type Values = readonly SQLInputValue[] | readonly [Record<string, SQLInputValue>];
type Row = Record<string, SQLOutputValue>;

export interface Statement {
  run(...values: Values): { readonly changes: number | bigint };
  get(...values: Values): Row | undefined;
  all(...values: Values): Row[];
}

/** The part of the database that tables need. */
export interface Sqlite {
  prepare(sql: string): Statement;
  exec(sql: string): void;
}

/** Wraps a database so that its errors have our codes if a user can fix them (DISK_FULL, HOME_BUSY, …). */
export function sqliteWithNamedErrors(sqlite: DatabaseSync, name: (error: unknown) => unknown): Sqlite {
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

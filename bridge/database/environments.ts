import { z } from "zod";
import type { Sqlite, Statement } from "./named-sqlite.ts";
import type { EnvironmentRow, Environments } from "./types.ts";

const Facts = z.strictObject({
  blenderVersion: z.string(),
  buildHash: z.string(),
  blenderPath: z.string(),
  backends: z.array(z.enum(["CPU", "CUDA", "OPTIX", "HIP", "ONEAPI", "METAL"])),
  hasDenoiser: z.boolean(),
});

const Row = z
  .strictObject({
    digest: z.string(),
    facts: z.string(),
    bytes: z.number(),
    added_at: z.number(),
    origin: z.string(),
    shared: z.number(),
  })
  .transform(
    (row): EnvironmentRow => ({
      digest: row.digest,
      facts: Facts.parse(JSON.parse(row.facts)),
      bytes: row.bytes,
      addedAt: row.added_at,
      origin: row.origin === "built" ? "built" : row.origin.split(","),
      isShared: row.shared === 1,
    }),
  );

type Statements = Record<"put" | "list" | "get" | "setShared" | "delete", Statement>;

export class SqliteEnvironments implements Environments {
  readonly #statements: Statements;

  constructor(sqlite: Sqlite) {
    this.#statements = {
      put: sqlite.prepare("INSERT OR REPLACE INTO environments (digest, facts, bytes, added_at, origin, shared) VALUES (?, ?, ?, ?, ?, ?)"),
      list: sqlite.prepare("SELECT * FROM environments ORDER BY added_at DESC, digest"),
      get: sqlite.prepare("SELECT * FROM environments WHERE digest = ?"),
      setShared: sqlite.prepare("UPDATE environments SET shared = ? WHERE digest = ?"),
      delete: sqlite.prepare("DELETE FROM environments WHERE digest = ?"),
    };
  }

  put({ digest, facts, bytes, addedAt, origin, isShared }: EnvironmentRow): void {
    const from = origin === "built" ? origin : origin.join(",");
    this.#statements.put.run(digest, JSON.stringify(facts), bytes, addedAt, from, isShared ? 1 : 0);
  }

  list(): readonly EnvironmentRow[] {
    return this.#statements.list.all().map((row) => Row.parse({ ...row }));
  }

  get(digest: string): EnvironmentRow | undefined {
    const row = this.#statements.get.get(digest);
    return row && Row.parse({ ...row });
  }

  setShared(digest: string, isShared: boolean): void {
    this.#statements.setShared.run(isShared ? 1 : 0, digest);
  }

  delete(digest: string): void {
    this.#statements.delete.run(digest);
  }
}

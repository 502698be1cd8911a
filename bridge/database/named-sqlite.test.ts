import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { sqliteWithNamedErrors } from "./named-sqlite.ts";
import { translateSqliteError } from "./sqlite-failure.ts";

it("reports DISK_FULL, and works again when there is room", () => {
  const inner = new DatabaseSync(":memory:");
  const sqlite = sqliteWithNamedErrors(inner, (error) => translateSqliteError(error, "/home/bridge.sqlite"));
  sqlite.exec("CREATE TABLE things (name TEXT, body TEXT)");
  sqlite.exec("PRAGMA max_page_count = 2");
  const put = sqlite.prepare("INSERT INTO things VALUES (:name, :body)");
  expect(() => put.run({ name: "large", body: "x".repeat(100_000) })).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
  sqlite.exec("PRAGMA max_page_count = 1000");
  expect(put.run({ name: "large", body: "x".repeat(100_000) }).changes).toBe(1);
  expect(sqlite.prepare("SELECT name FROM things WHERE name = ?").get("large")).toEqual({ name: "large" });
  inner.close();
});

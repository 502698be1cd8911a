import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "./open-database.ts";
import type { Database, EnvironmentRow, JobRow } from "./types.ts";

const ROW: JobRow = { id: "261122-214654-k3f9", createdAt: 10, updatedAt: 10, scenePath: "/scenes/ä.blend", title: "ä", state: "running" };

let folder: string;
let one: Database;
/** The same file, opened as if by another process. */
let other: Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bridge-tables-"));
  one = openDatabase(join(folder, "bridge.sqlite"));
  other = openDatabase(join(folder, "bridge.sqlite"));
});
afterEach(async () => {
  await one.close();
  await other.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("jobs", () => {
  it("are listed newest first, and found by their id", () => {
    one.jobs.put(ROW);
    one.jobs.put({ ...ROW, id: "later", createdAt: 20 });
    expect(other.jobs.list().map(({ id }) => id)).toEqual(["later", ROW.id]);
    expect(other.jobs.get(ROW.id)).toEqual(ROW);
    expect(other.jobs.get("nothing")).toBeUndefined();
  });

  it("change their state", () => {
    one.jobs.put(ROW);
    one.jobs.setState(ROW.id, "complete", 99);
    expect(other.jobs.get(ROW.id)).toEqual({ ...ROW, state: "complete", updatedAt: 99 });
  });

  it("are locked by one process at a time, until its lock ends", () => {
    const claim = (database: Database, owner: string, nowMs: number) => database.jobs.lock(ROW.id, owner, { nowMs, untilMs: nowMs + 100 });
    expect(claim(one, "one", 0)).toBe(true);
    expect(claim(other, "other", 99)).toBe(false);
    expect(claim(one, "one", 90)).toBe(true);
    expect(claim(other, "other", 189)).toBe(false);
    expect(claim(other, "other", 190)).toBe(true);
    one.jobs.release(ROW.id, "one");
    expect(claim(one, "one", 200)).toBe(false);
    other.jobs.release(ROW.id, "other");
    expect(claim(one, "one", 201)).toBe(true);
  });
});

describe("served jobs", () => {
  it("are read by the next process in order of submission, as they were last written", () => {
    one.served.put("261122-3", "three");
    one.served.put("261122-1", "one");
    one.served.put("261122-3", "three, later");
    expect(other.served.list()).toEqual([
      { job: "261122-3", body: "three, later" },
      { job: "261122-1", body: "one" },
    ]);
    other.served.delete("261122-1");
    expect(one.served.list()).toEqual([{ job: "261122-3", body: "three, later" }]);
  });
});

describe("job commands", () => {
  it("are taken by the other process once, only the last one", () => {
    one.jobCommands.set("job", "pause");
    one.jobCommands.set("job", "cancel");
    expect(other.jobCommands.take("nothing")).toBeUndefined();
    expect(other.jobCommands.take("job")).toBe("cancel");
    expect(other.jobCommands.take("job")).toBeUndefined();
  });
});

describe("settings", () => {
  it("are kept until they are changed or deleted", () => {
    one.settings.set("name", "Käthe's machine");
    expect(other.settings.get("name")).toBe("Käthe's machine");
    one.settings.set("name", "");
    expect(other.settings.get("name")).toBe("");
    one.settings.delete("name");
    expect(other.settings.get("name")).toBeUndefined();
  });
});

describe("environments", () => {
  const row: EnvironmentRow = {
    digest: "a".repeat(64),
    facts: {
      blenderVersion: "3.4.1",
      buildHash: "0123456789ab",
      blenderPath: "/usr/bin/blender",
      backends: ["CPU", "HIP"],
      hasDenoiser: false,
    },
    bytes: 1_300_000_000,
    addedAt: 10,
    origin: "built",
    isShared: false,
  };

  it("are listed newest first, and found by their digest", () => {
    const fetched: EnvironmentRow = { ...row, digest: "b".repeat(64), addedAt: 20, origin: ["12D3KooWa", "12D3KooWb"], isShared: true };
    one.environments.put(row);
    one.environments.put(fetched);
    expect(other.environments.list()).toEqual([fetched, row]);
    expect(other.environments.get(row.digest)).toEqual(row);
    expect(other.environments.get("c".repeat(64))).toBeUndefined();
  });

  it("can be shared, unshared and removed", () => {
    one.environments.put(row);
    one.environments.setShared(row.digest, true);
    expect(other.environments.get(row.digest)).toEqual({ ...row, isShared: true });
    one.environments.delete(row.digest);
    expect(other.environments.list()).toEqual([]);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "./migrations.ts";
import { openDatabase } from "./open-database.ts";

const OPENER = fileURLToPath(new URL("fixtures/open-together.ts", import.meta.url));
const WRITER = fileURLToPath(new URL("fixtures/append-until-killed.ts", import.meta.url));

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bridge-database-"));
  file = join(folder, "home", "bridge.sqlite");
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

/** Runs a writer and returns the numbers that it printed as durable. */
async function writeAndKill(job: string, from: number, afterMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, file, job, String(from)], { stdio: ["ignore", "pipe", "inherit"] });
  const said: Buffer[] = [];
  const closed = once(child, "close");
  child.stdout.on("data", (bytes: Buffer) => said.push(bytes));
  await once(child.stdout, "data");
  await delay(afterMs);
  child.kill("SIGKILL");
  await closed;
  const lines = Buffer.concat(said).toString().split("\n");
  return lines.slice(0, -1).map(Number); // the last line may be cut short
}

async function framesIn(job: string): Promise<number[]> {
  await using database = openDatabase(file);
  return database.journal.read(job).flatMap(({ record }) => (record.type === "frame-finished" ? [record.frame] : []));
}

/** Fills a database with many pages. */
async function fill(records: number): Promise<void> {
  await using database = openDatabase(file);
  const files = [{ path: "x".repeat(500) }];
  await database.journal.append(
    "job",
    Array.from({ length: records }, (_, frame) => ({ type: "frame-finished" as const, frame, files })),
  );
}

/** A home's database as left by a bridge with only the first migrations. */
async function olderDatabase(version: number, fill: (sqlite: DatabaseSync) => void): Promise<void> {
  await mkdir(join(folder, "home"), { recursive: true });
  const sqlite = new DatabaseSync(file);
  migrate(sqlite, version);
  fill(sqlite);
  sqlite.close();
}

describe("openDatabase", () => {
  it.skipIf(process.platform === "win32")("makes a folder that only its owner can read", async () => {
    await openDatabase(file).close();
    expect((await stat(join(folder, "home"))).mode & 0o777).toBe(0o700);
  });

  it("makes a database that survives a power cut", async () => {
    await using database = openDatabase(file);
    await database.journal.append("job", [{ type: "paused" }]);
    const sqlite = new DatabaseSync(file);
    expect(sqlite.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(sqlite.prepare("PRAGMA user_version").get()).toEqual({ user_version: 5 });
    sqlite.close();
  });

  it("loses no committed record when its process is killed, ten times over", async () => {
    let acknowledged: number[] = [];
    for (let round = 0; round < 10; round++) {
      const fresh = await writeAndKill("job", round * 100_000, 20 + 37 * round);
      expect(fresh.length).toBeGreaterThan(0);
      acknowledged = [...acknowledged, ...fresh];
    }
    const kept = new Set(await framesIn("job"));
    expect(acknowledged.filter((frame) => !kept.has(frame))).toEqual([]);
    expect((await framesIn("job")).length).toBe(kept.size);
  });

  it("serves two processes at once", async () => {
    // Each record waits for the disk, which other tests may keep busy.
    const [one, two] = await Promise.all([writeAndKill("one", 0, 400), writeAndKill("two", 0, 400)]);
    expect(await framesIn("one")).toEqual(expect.arrayContaining(one));
    expect(await framesIn("two")).toEqual(expect.arrayContaining(two));
  });

  it.each([
    ["that is no database", async () => await writeFile(file, "not a database at all, but quite long enough to look like one")],
    ["with a page of rubbish", async () => await scribble()],
    ["that was cut short", async () => await truncate(file, 3 * 4_096)],
  ])("moves a file aside %s, says so, and creates a new one", async (_, damage) => {
    await fill(400);
    await damage();
    const before = await readFile(file);
    const told: string[] = [];
    await using database = openDatabase(file, { onCorrupt: (message) => told.push(message), now: () => Date.UTC(2026, 10, 22) });
    expect(database.journal.read("job")).toEqual([]);
    const aside = `${file}.corrupt-2026-11-22T00-00-00-000Z`;
    expect(told).toEqual([expect.stringContaining(aside)]);
    expect(await readFile(aside)).toEqual(before);
    await database.journal.append("job", [{ type: "resumed" }]);
    expect(database.journal.read("job")).toHaveLength(1);
  });

  async function scribble(): Promise<void> {
    await using handle = await open(file, "r+");
    await handle.write(Buffer.alloc(8_192, 0xa5), 0, 8_192, 4 * 4_096);
  }

  it("can be created by several processes at once", async () => {
    const firstMs = Date.now() + 2_000;
    const openers = Array.from({ length: 4 }, () => spawn(process.execPath, [OPENER, folder, `${firstMs}`, "40"], { stdio: "inherit" }));
    const codes = await Promise.all(openers.map(async (opener) => (await once(opener, "close"))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0]);
  });

  it("does not touch a newer bridge's database", async () => {
    await fill(1);
    const sqlite = new DatabaseSync(file);
    sqlite.exec("PRAGMA user_version = 99");
    sqlite.close();
    expect(() => openDatabase(file)).toThrow(expect.objectContaining({ code: "HOME_BUSY" }));
    expect(await readdir(join(folder, "home"))).toEqual(["bridge.sqlite"]);
  });

  it("names a folder that cannot be written", async () => {
    await writeFile(join(folder, "home"), "a file where the folder should be");
    expect(() => openDatabase(file)).toThrow(expect.objectContaining({ code: "HOME_NOT_WRITABLE" }));
  });

  it("migrates finished frames of an older bridge", async () => {
    const old = { type: "frame-finished", frame: 3, outputs: ["/out/a.png", "/out/b'\"ä.png"] };
    await olderDatabase(3, (sqlite) =>
      sqlite.prepare("INSERT INTO journal (job, at, body) VALUES (?, ?, ?)").run("job", 1, JSON.stringify(old)),
    );
    await using database = openDatabase(file);
    const files = [{ path: "/out/a.png" }, { path: "/out/b'\"ä.png" }];
    expect(database.journal.read("job").map(({ record }) => record)).toEqual([{ type: "frame-finished", frame: 3, files }]);
  });

  it("migrates field names of an older bridge's records, and keeps their texts", async () => {
    const old = { type: "donor-barred", donor: 'says "because": lied', because: "lied" };
    await olderDatabase(4, (sqlite) => {
      sqlite.prepare("INSERT INTO journal (job, at, body) VALUES (?, ?, ?)").run("job", 1, JSON.stringify(old));
      sqlite.exec("INSERT INTO wishes (job, wish) VALUES ('job', 'pause')");
    });
    await using database = openDatabase(file);
    const record = { type: "donor-banned", donor: 'says "because": lied', reason: "mismatch" };
    expect(database.journal.read("job").map((each) => each.record)).toEqual([record]);
    expect(database.jobCommands.take("job")).toBe("pause");
  });

  it("can be closed twice, and writes pending records before it closes", async () => {
    const database = openDatabase(file);
    const written = database.journal.append("job", [{ type: "paused" }]);
    await database.close();
    await database.close();
    await written;
    await using again = openDatabase(file);
    expect(again.journal.read("job")).toHaveLength(1);
  });
});

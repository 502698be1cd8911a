import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { type Home, openHome } from "../../config/home.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database } from "../../database/types.ts";
import { listJobs, reportJob } from "./jobs.ts";

let home: Home;
let database: Database;
beforeEach(async () => {
  home = await openHome(systemDisk, await mkdtemp(join(tmpdir(), "p2p-jobs-")));
  database = openDatabase(home.database);
  database.jobs.put({ id: "j", createdAt: 1, updatedAt: 1, scenePath: "/s.blend", title: "s", state: "running" });
});
afterEach(async () => {
  await database.close();
  await rm(home.root, { recursive: true, force: true });
});

it("lists a job whose process was killed as interrupted, and as running while a process works on it", async () => {
  expect(await listJobs(systemClock, home)).toMatchObject([{ id: "j", state: "interrupted" }]);
  database.jobs.lock("j", "me", { nowMs: Date.now(), untilMs: Date.now() + 60_000 });
  expect(await listJobs(systemClock, home)).toMatchObject([{ id: "j", state: "running" }]);
});

it("lists the error that ended a job, until the job is resumed", async () => {
  const error = { code: "DISK_FULL", message: "no space is left" };
  await database.journal.append("j", [{ type: "job-ended", outcome: "failed", error }]);
  expect(await reportJob(systemClock, home, "j")).toMatchObject({ error });
  await database.journal.append("j", [{ type: "resumed" }]);
  expect(await reportJob(systemClock, home, "j")).toMatchObject({ error: null });
});

it("lists files in the order of frames, whichever was finished first", async () => {
  const finished = (frame: number) => ({ type: "frame-finished", frame, files: [{ path: `/out/f_${frame}.png`, bytes: 1 }] }) as const;
  await database.journal.append("j", [finished(10), finished(2), finished(9)]);
  expect(await reportJob(systemClock, home, "j")).toMatchObject({ outputs: ["/out/f_2.png", "/out/f_9.png", "/out/f_10.png"] });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Home, openHome } from "../../config/home.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database, StoredJobState } from "../../database/types.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { commandJob, isPausedInBridge, showCommands } from "./job-commands.ts";

let home: Home;
let database: Database;
beforeEach(async () => {
  home = await openHome(systemDisk, await mkdtemp(join(tmpdir(), "p2p-commands-")));
  database = openDatabase(home.database);
});
afterEach(async () => {
  await database.close();
  await rm(home.root, { recursive: true, force: true });
});

function put(state: StoredJobState, { isLocked = false } = {}): void {
  database.jobs.put({ id: "j", createdAt: 1, updatedAt: 1, scenePath: "/s.blend", title: "s", state });
  if (isLocked) database.jobs.lock("j", "me", { nowMs: Date.now(), untilMs: Date.now() + 60_000 });
}
const stateNow = () => database.jobs.get("j")?.state;

describe("a command for a job", () => {
  it.each(["complete", "incomplete", "cancelled", "failed"] as const)("changes nothing of one that is %s", async (state) => {
    for (const command of ["cancel", "pause", "resume"] as const) {
      put(state);
      await expect(commandJob(systemClock, home, "j", command)).rejects.toMatchObject({ code: "JOB_STATE", exitCode: 2 });
      expect(stateNow()).toBe(state);
    }
  });

  it.each(["running", "paused", "queued"] as const)("cancels one that no bridge works on, stored as %s", async (state) => {
    put(state);
    expect(await commandJob(systemClock, home, "j", "cancel")).toEqual({ job: "j", command: "cancel", isSent: false });
    expect(stateNow()).toBe("cancelled");
  });

  it("pauses only a job that a bridge works on", async () => {
    put("running");
    await expect(commandJob(systemClock, home, "j", "pause")).rejects.toThrow("job j cannot be paused: it is interrupted");
    expect(database.jobCommands.take("j")).toBeUndefined();
  });

  it("is sent to the bridge that works on the job", async () => {
    put("running", { isLocked: true });
    expect(await commandJob(systemClock, home, "j", "pause")).toEqual({ job: "j", command: "pause", isSent: true });
    expect(database.jobCommands.take("j")).toBe("pause");
    expect(stateNow()).toBe("running");
  });

  it("needs a job that exists", async () => {
    await expect(commandJob(systemClock, home, "nope", "cancel")).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
  });
});

it("a job is paused in a bridge while that bridge has it locked", async () => {
  put("paused");
  expect(await isPausedInBridge(systemClock, home, "j")).toBe(false);
  put("paused", { isLocked: true });
  expect(await isPausedInBridge(systemClock, home, "j")).toBe(true);
});

describe("the commands that a running job gets", () => {
  const notes: JobEvent[] = [];
  const show = () => showCommands({ jobs: database.jobs, clock: systemClock, log: silentLog }, "j", (event) => notes.push(event));
  beforeEach(() => void notes.splice(0));

  it("are shown in the job list and by a note, once for each change", () => {
    put("running");
    const heard = show();
    heard("pause");
    heard("pause");
    expect(stateNow()).toBe("paused");
    heard("resume");
    heard("resume");
    expect(stateNow()).toBe("running");
    expect(notes).toMatchObject([
      { event: "note", code: "job-paused" },
      { event: "note", code: "job-resumed" },
    ]);
  });

  it("do not end the job when the state cannot be stored", () => {
    const jobs = {
      setState: () => {
        throw new Error("full");
      },
    };
    showCommands({ jobs, clock: systemClock, log: silentLog }, "j", (event) => notes.push(event))("pause");
    expect(notes).toMatchObject([{ code: "job-paused" }]);
  });
});

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Home, openHome } from "../../config/home.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database } from "../../database/types.ts";
import { JobSubmission } from "../../gateway/wire/job-submission.ts";
import { GATEWAY_LIMITS } from "../../gateway/wire/limits.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld, type World } from "../../kernel/world.ts";
import { JobQueue } from "./job-queue.ts";
import { openScratch } from "../job/scratch.ts";
import { ServedJobsStore } from "./served-jobs-store.ts";
import { SharedSwarm } from "../swarm/shared-swarm.ts";

let root: string;
let home: Home;
let database: Database;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-queue-"));
  home = await openHome(systemWorld.disk, join(root, "home"));
  database = openDatabase(home.database);
});
afterEach(async () => {
  await database.close();
  await rm(root, { recursive: true, force: true });
});

/** A queue that accepts and stores jobs and never starts one; each call is another start of the bridge. */
async function openCatalog(world: World = systemWorld) {
  const swarm = new SharedSwarm(() => Promise.reject(new Error("nobody enters a swarm here")));
  const processContext = { world, home, database, scratch: await openScratch(systemWorld.disk, home), swarm };
  const store = new ServedJobsStore(processContext);
  const told: string[] = [];
  const tell = ({ job, state }: { job: string; state: string }) => void told.push(`${job} ${state}`);
  const queue = new JobQueue({ processContext, store, tell, log: silentLog }, { atOnce: 0, blender: undefined, threads: undefined });
  return { queue, store, told };
}

const submission = (more: object = {}) => JobSubmission.parse({ scenePath: join(root, "lamp.blend"), ...more });

describe("submitted jobs", () => {
  it("are restored by the next bridge, newest first", async () => {
    const { queue, store } = await openCatalog();
    const waiting = await queue.submit(submission({ title: "waits" }));
    const resting = await queue.submit(submission({ title: "rests", source: "/home/mia/lamp.blend" }));
    const broken = await queue.submit(submission({ title: "broke" }));
    const begun = await queue.submit(submission({ title: "begun", deliver: "raw" }));
    queue.pause(resting.id);
    broken.become("failed", { code: "SCENE_NO_CAMERA", message: "no camera", advice: "Add one." });
    store.keepState(broken);
    begun.become("running");
    store.keepState(begun);
    const next = (await openCatalog()).queue.list();
    expect(next.map(({ title, state }) => [title, state])).toEqual([
      ["begun", "queued"],
      ["broke", "failed"],
      ["rests", "paused"],
      ["waits", "queued"],
    ]);
    expect(next[1]).toMatchObject({ job: broken.id, error: { code: "SCENE_NO_CAMERA" } });
    expect(next[2]).toMatchObject({ job: resting.id, source: "/home/mia/lamp.blend" });
    expect(next[0]?.deliver).toBe("raw");
    expect(next[3]?.job).toBe(waiting.id);
  });

  it("that were being cancelled are cancelled by the next bridge, not started again", async () => {
    const { queue, store } = await openCatalog();
    const job = await queue.submit(submission());
    job.become("stopping");
    store.keepState(job);
    expect((await openCatalog()).queue.list()).toMatchObject([{ state: "cancelled" }]);
  });

  it("that wait can be paused, resumed, cancelled and retried; each change is sent to clients", async () => {
    const { queue, told } = await openCatalog();
    const { id } = await queue.submit(submission());
    expect(queue.pause(id).state).toBe("paused");
    expect(queue.resume(id).state).toBe("queued");
    expect(queue.cancel(id).state).toBe("cancelled");
    expect(queue.cancel(id).state).toBe("cancelled"); // repeated calls have no effect
    for (const verb of ["pause", "resume"] as const) expect(() => queue[verb](id)).toThrow(expect.objectContaining({ code: "JOB_STATE" }));
    expect(queue.retry(id).state).toBe("queued");
    await expect(queue.release(id, undefined)).rejects.toMatchObject({ code: "JOB_STATE" });
    expect(told).toEqual(["queued", "paused", "queued", "cancelled", "queued"].map((state) => `${id} ${state}`));
    expect(queue.isBusy).toBe(true);
  });

  it("an unknown job id is JOB_UNKNOWN", async () => {
    const { queue } = await openCatalog();
    for (const verb of ["pause", "resume", "cancel", "retry", "get"] as const)
      expect(() => queue[verb]("nobody")).toThrow(expect.objectContaining({ code: "JOB_UNKNOWN" }));
  });

  it("a wrong submission is refused at once, and nothing is stored", async () => {
    const { queue } = await openCatalog();
    await expect(queue.submit(submission({ tiles: "many" }))).rejects.toMatchObject({ code: "TILES_INVALID" });
    await expect(queue.submit(submission({ video: "film.txt" }))).rejects.toMatchObject({ code: "VIDEO_UNSUPPORTED" });
    await expect(queue.submit(submission({ video: "film.mp4", deliver: "raw" }))).rejects.toMatchObject({ code: "USAGE" });
    expect((await openCatalog()).queue.list()).toEqual([]);
  });

  it("of one second have different ids, whatever the dice say", async () => {
    const rolls = [1, 1, 1, 2];
    const bytes = (count: number) => Buffer.alloc(count).fill(rolls.shift() ?? 3);
    const clock = { ...systemWorld.clock, now: () => 1_796_099_863_968 };
    const { queue } = await openCatalog({ ...systemWorld, clock, random: { ...systemWorld.random, bytes } });
    const ids = [await queue.submit(submission()), await queue.submit(submission())].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(rolls).toEqual([]);
  });

  it("the number of waiting jobs is limited", async () => {
    const { queue } = await openCatalog();
    for (let count = 0; count < GATEWAY_LIMITS.maxJobs; count++) await queue.submit(submission());
    await expect(queue.submit(submission())).rejects.toMatchObject({ code: "TOO_MANY_JOBS" });
  });
});

describe("ended jobs", () => {
  /** A job that ended this long ago, with its own scene copy and raw frames that were not picked up. */
  async function ended(id: string, ageMs: number) {
    const scenePath = join(root, `${id}.blend`);
    await writeFile(scenePath, "a copy");
    await mkdir(join(home.jobs, id, "assembled"), { recursive: true });
    const createdAt = Date.now() - ageMs;
    database.served.put(id, JSON.stringify({ submission: submission({ scenePath, owned: true, deliver: "raw" }), error: null }));
    database.jobs.put({ id, createdAt, updatedAt: createdAt, scenePath, title: id, state: "complete" });
    return { scenePath, folder: join(home.jobs, id) };
  }

  it("are forgotten with all their files, when their client releases them", async () => {
    const { scenePath, folder } = await ended("a", 0);
    const { queue } = await openCatalog();
    await queue.release("a", undefined);
    expect([existsSync(scenePath), existsSync(folder), queue.list()]).toEqual([false, false, []]);
    expect((await openCatalog()).queue.list()).toEqual([]);
    expect(database.jobs.get("a")).toBeDefined(); // the job history still has it
  });

  it("whose scene was uploaded keep the files made beside it until they are released; unused uploads are removed", async () => {
    const { queue, store } = await openCatalog();
    const sent = async (name: string) => {
      const folder = join(home.uploads, name);
      await mkdir(join(folder, "out"), { recursive: true });
      for (const file of ["lamp.blend", "out/f_0001.png"]) await writeFile(join(folder, file), "there");
      return folder;
    };
    const [used, left] = [await sent("used"), await sent("left")];
    const scenePath = join(used, "lamp.blend");
    const job = await queue.submit(submission({ scenePath, owned: true }));
    await store.sweepUploads();
    expect([existsSync(scenePath), existsSync(left)]).toEqual([true, false]);
    queue.cancel(job.id);
    await store.dropOwnedScene(job);
    expect([existsSync(scenePath), existsSync(join(used, "out", "f_0001.png"))]).toEqual([false, true]);
    await queue.release(job.id, undefined);
    expect(existsSync(used)).toBe(false);
  });

  it("that no client asked about for a week are forgotten; the others stay", async () => {
    const old = await ended("old", GATEWAY_LIMITS.endedJobsKeptMs + 1_000);
    const young = await ended("young", GATEWAY_LIMITS.endedJobsKeptMs - 60_000);
    const { queue } = await openCatalog();
    await expect.poll(() => existsSync(old.scenePath)).toBe(false);
    expect(queue.list().map(({ job }) => job)).toEqual(["young"]);
    await expect.poll(() => existsSync(old.folder)).toBe(false);
    expect([existsSync(young.scenePath), existsSync(young.folder)]).toEqual([true, true]);
  });

  it("are listed although one of them cannot be read", async () => {
    await ended("fine", 0);
    await ended("malformed", 0);
    database.served.put("malformed", "{");
    database.served.put("gone", JSON.stringify({ submission: submission(), error: null })); // it is not listed
    expect((await openCatalog()).queue.list().map(({ job }) => job)).toEqual(["fine"]);
  });
});

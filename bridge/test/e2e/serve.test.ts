import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBlenders } from "../../blender/find/find-blender.ts";
import { openFinisher } from "../../blender/finish/finisher.ts";
import type { Rect } from "../../core/job/scene-facts.ts";
import { openMedia } from "../../media/worker/media-pool.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { runBridge, SAMPLES, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { blenderSecondsDuring, blendersOf } from "../processes.ts";
import { comparePictures } from "../same-picture.ts";
import { connectTo, startServe } from "../serve-client.ts";
import { until } from "../time/until.ts";

/** Each starts bridges and several Blenders, which is slow on a busy machine. */

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-serve-"));
  for (const name of ["hot-corner", "border-crop-adaptive", "two-scenes", "eevee"]) {
    await cp(join(SAMPLES, `${name}.blend`), join(root, `${name}.blend`));
  }
  const heavy = `import bpy\nfor s in bpy.data.scenes: s.cycles.samples = 20000; s.cycles.use_adaptive_sampling = False\nbpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(join(root, "heavy.blend"))}, copy=True)`;
  const blind = `import bpy\nbpy.data.batch_remove(list(bpy.data.cameras))\nbpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(join(root, "blind.blend"))}, copy=True)`;
  const bare = `import bpy\nimage = bpy.data.images.new("gone", 4, 4)\nimage.source = "FILE"\nimage.filepath = "//nowhere/wood.png"\nimage.use_fake_user = True\nbpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(join(root, "bare.blend"))}, copy=True)`;
  for (const expression of [heavy, blind, bare]) {
    await execa(BLENDER, ["-b", "--factory-startup", join(root, "hot-corner.blend"), "--python-expr", expression], {
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    });
  }
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 3 }));

const scene = (name: string) => join(root, `${name}.blend`);
const donorArgs = ["--cpus", "1", "--blender", BLENDER];

describe("a served job", () => {
  it("files: the client disconnects, the pictures are written, and equal Blender's", async () => {
    const home = join(root, "files-home");
    await using _serve = await startServe(home, ["--blender", BLENDER]);
    const output = join(root, "files", "f_####");
    await renderReference(
      scene("hot-corner"),
      ["-o", join(root, "files-reference", "f_####"), "-f", "1..2"],
      join(root, "files-reference"),
    );
    const first = await connectTo(home);
    const copy = join(root, "copy.blend");
    await cp(scene("hot-corner"), copy);
    const job = await first.submit({
      scenePath: copy,
      owned: true,
      source: "/home/mia/lamp.blend",
      frames: "1..2",
      tiles: "2x1",
      output,
      peers: [],
    });
    await first.state(job, ["preparing"]);
    first.socket.terminate();
    const later = await connectTo(home);
    const { jobs } = await later.ask("jobs.list");
    expect(jobs).toMatchObject([{ job, title: "lamp.blend", source: "/home/mia/lamp.blend" }]);
    await later.ask("jobs.watch", { job });
    expect(await later.ended(job)).toMatchObject({
      state: "complete",
      framesDone: 2,
      framesTotal: 2,
      chunksDone: 4,
      chunksTotal: 4,
      error: null,
    });
    expect(await comparePictures(dirname(output), join(root, "files-reference"))).toEqual([]);
    const { outputs } = await later.ask("jobs.watch", { job });
    expect(outputs.toSorted()).toEqual([1, 2].map((frame) => join(root, "files", `f_000${frame}.png`)));
    expect(existsSync(copy)).toBe(false); // it was made for this job alone
    await later.ask("jobs.release", { job });
    expect((await later.ask("jobs.list")).jobs).toEqual([]);
  });

  it("raw: tiles as they arrive, then the frame, from which any Blender makes the same picture", async () => {
    const home = join(root, "floats-home");
    await using _serve = await startServe(home, ["--blender", BLENDER]);
    const client = await connectTo(home);
    await using media = openMedia();
    const { signal } = new AbortController();
    const job = await client.submit({ scenePath: scene("border-crop-adaptive"), tiles: "2x2", deliver: "raw", peers: [] });
    const shown = await copiesOfTiles(client, job, 4);
    expect(await client.ended(job)).toMatchObject({ state: "complete" });
    const { pictures } = await client.ask("jobs.raw", { job, frame: 1 });
    const [picture] = pictures;
    if (!picture) throw new Error("no picture");
    expect(shown.length).toBeGreaterThan(0); // the last ones may be removed already, when their frame is whole
    for (const { path, rect } of shown) {
      await media.check(path, { width: rect.width, height: rect.height, maxBytes: 64 * 1024 * 1024 }, signal);
      const reference = { path: picture.path, rect: picture.region };
      expect(await media.compare({ result: { path, rect }, reference, rect }, signal)).toMatchObject({ differingPixels: 0 });
    }
    expect(await finished(scene("border-crop-adaptive"), picture.path, join(root, "raw"))).toEqual([]);
    // Picked up: nothing is kept.
    await client.ask("jobs.release", { job, frame: 1 });
    expect(existsSync(picture.path)).toBe(false);
    expect((await client.ask("jobs.raw", { job, frame: 1 })).pictures).toEqual([]);
    await client.ask("jobs.release", { job });
    expect(existsSync(join(home, "jobs", job))).toBe(false);
  });

  it("raw: a frame that shows two scenes has two pictures; an engine without raw frames is refused", async () => {
    const home = join(root, "two-home");
    await using _serve = await startServe(home, ["--blender", BLENDER, "--jobs", "1"]);
    const client = await connectTo(home);
    const two = await client.submit({ scenePath: scene("two-scenes"), deliver: "raw", peers: [] });
    const eevee = await client.submit({ scenePath: scene("eevee"), deliver: "raw", peers: [] });
    expect((await client.ask("jobs.list")).jobs.map(({ state }) => state)).toEqual(["queued", "preparing"]);
    await client.ended(two);
    const { pictures } = await client.ask("jobs.raw", { job: two, frame: 1 });
    expect(new Set(pictures.map((each) => each.scene)).size).toBe(2);
    for (const { path } of pictures) expect(existsSync(path)).toBe(true);
    expect(await client.ended(eevee)).toMatchObject({ state: "failed", error: { code: "RAW_IMPOSSIBLE" } });
  });
});

describe("a client on another disk", () => {
  it("uploads the scene and downloads raw frames byte for byte; the upload is removed with the job", async () => {
    const home = join(root, "apart-home");
    await using _serve = await startServe(home, ["--blender", BLENDER]);
    const client = await connectTo(home);
    const scenePath = await client.send(scene("hot-corner"));
    expect(await readFile(scenePath)).toEqual(await readFile(scene("hot-corner")));
    const job = await client.submit({ scenePath, owned: true, tiles: "2x1", deliver: "raw", peers: [] });
    await expect(client.take(job, scenePath)).rejects.toThrow("FILE_NOT_OF_JOB");
    expect(await client.ended(job)).toMatchObject({ state: "complete" });
    const { pictures } = await client.ask("jobs.raw", { job, frame: 1 });
    for (const { path } of pictures) expect((await client.take(job, path)).equals(await readFile(path))).toBe(true);
    const tiles = client.eventsOf(job).flatMap((each) => (each.event === "tile" ? [each.path] : []));
    expect(tiles.length).toBeGreaterThan(0);
    for (const path of tiles) await expect(client.take(job, path)).rejects.toThrow("FILE_GONE");
    await client.ask("jobs.release", { job });
    await until(async () => (await client.ask("jobs.list")).jobs.length === 0);
    expect(existsSync(dirname(scenePath))).toBe(false);
  });

  it("can release a job as soon as its frames are there, while the bridge is still ending it", async () => {
    const home = join(root, "early-home");
    await using _serve = await startServe(home, ["--blender", BLENDER]);
    const client = await connectTo(home);
    const scenePath = await client.send(scene("hot-corner"));
    const job = await client.submit({ scenePath, owned: true, deliver: "raw", peers: [] });
    await expect(client.ask("jobs.release", { job })).rejects.toThrow("JOB_STATE");
    await client.event(job, (each) => each.event === "frame-finished");
    await client.ask("jobs.release", { job });
    expect(await client.ended(job)).toMatchObject({ state: "complete" });
    await until(async () => !existsSync(dirname(scenePath)));
    expect((await client.ask("jobs.list")).jobs).toEqual([]);
  });

  it("downloads finished files and the video, which stay until the job is released, also after a restart", async () => {
    const home = join(root, "apart-files-home");
    const serving = await startServe(home, ["--blender", BLENDER]);
    const client = await connectTo(home);
    const scenePath = await client.send(scene("hot-corner"));
    const submission = { frames: "1..2", output: "out/shot_##", video: "out/film.mp4", peers: [] };
    const job = await client.submit({ scenePath, owned: true, ...submission });
    expect(await client.ended(job)).toMatchObject({ state: "complete" });
    const { outputs } = await client.ask("jobs.watch", { job });
    const names = ["shot_01.png", "shot_02.png", "film.mp4"].map((name) => join(dirname(scenePath), "out", name));
    expect(outputs).toEqual(names);
    await until(async () => !existsSync(scenePath));
    await serving[Symbol.asyncDispose]();
    await using _next = await startServe(home, ["--blender", BLENDER]);
    const later = await connectTo(home);
    for (const path of names) expect((await later.take(job, path)).equals(await readFile(path))).toBe(true);
    await later.ask("jobs.release", { job });
    expect(existsSync(dirname(scenePath))).toBe(false);
  });

  it("inspects an uploaded scene", async () => {
    const home = join(root, "apart-look-home");
    await using _serve = await startServe(home, ["--blender", BLENDER]);
    const client = await connectTo(home);
    const scenePath = await client.send(scene("blind"));
    expect(await client.ask("scene.check", { scenePath })).toMatchObject({ findings: [{ code: "SCENE_NO_CAMERA" }] });
    client.socket.close();
    await until(async () => !existsSync(dirname(scenePath)));
  });
});

describe("a bridge that is killed", () => {
  it("is followed by one that resumes its jobs: no accepted chunk is rendered twice, a client finds its job", async () => {
    const home = join(root, "killed-home");
    const output = join(root, "killed", "f_####");
    await renderReference(
      scene("hot-corner"),
      ["-o", join(root, "killed-reference", "f_####"), "-f", "1..4"],
      join(root, "killed-reference"),
    );
    const first = await startServe(home, ["--blender", BLENDER, "--jobs", "1"]);
    const before = await connectTo(home);
    const job = await before.submit({ scenePath: scene("hot-corner"), frames: "1..4", tiles: "3x2", output, peers: [] });
    const waiting = await before.submit({ scenePath: scene("hot-corner"), output: join(root, "waiting", "f_####"), peers: [] });
    await before.event(job, (each) => each.event === "chunk-accepted" && each.done >= 5);
    first.child.kill("SIGKILL");
    await first.child;
    await before.closed;
    const accepted = new Set(acceptedIn(before.eventsOf(job)));

    await using second = await startServe(home, ["--blender", BLENDER, "--jobs", "1"]);
    const after = await connectTo(home);
    expect(after.session).not.toBe(before.session);
    const { summary } = await after.ask("jobs.watch", { job });
    expect(summary.chunksDone).toBeGreaterThanOrEqual(5);
    expect(await after.ended(job), story({ stderr: "", lines: second.lines })).toMatchObject({ state: "complete", framesDone: 4 });
    const again = acceptedIn(after.eventsOf(job));
    expect(again.filter((chunk) => accepted.has(chunk))).toEqual([]);
    expect(accepted.size + again.length).toBeGreaterThanOrEqual(24);
    expect(await comparePictures(join(root, "killed"), join(root, "killed-reference"))).toEqual([]);
    await after.ask("jobs.watch", { job: waiting });
    expect(await after.ended(waiting)).toMatchObject({ state: "complete" });
  });
});

describe("cancel, pause, resume", () => {
  it("jobs run side by side; a job's end event comes when nothing of it runs anywhere, and it can be retried", async () => {
    const home = join(root, "cancel-home");
    await using donor = await startDonor(join(root, "cancel-donor"), donorArgs);
    await using serve = await startServe(home, ["--blender", BLENDER]);
    const client = await connectTo(home);
    const submission = { deliver: "raw", tiles: "2x1", verify: "off" } as const;
    const job = await client.submit({ ...submission, scenePath: scene("heavy"), peers: [donor.address], local: false });
    const other = await client.submit({ ...submission, scenePath: scene("hot-corner"), peers: [] });
    expect(await client.ended(other)).toMatchObject({ state: "complete" });
    await client.event(job, (each) => each.event === "chunk-started" && each.donor === donor.peerId);
    expect(await client.ask("jobs.cancel", { job })).toMatchObject({ state: "stopping" });
    expect(await client.ended(job)).toMatchObject({ state: "cancelled", error: null });
    expect(await blendersOf(serve.child.pid ?? 0)).toEqual([]);
    expect(await blenderSecondsDuring(donor.pid, 500)).toBeLessThan(0.05);
    await expect(client.ask("jobs.pause", { job })).rejects.toThrow("JOB_STATE");
    const retried = await client.ask("jobs.retry", { job });
    expect(["queued", "preparing"]).toContain(retried.state);
    await client.ask("jobs.cancel", { job });
    await until(async () => (await client.ask("jobs.list")).jobs.some((line) => line.job === job && line.state === "cancelled"));
  });

  it("a paused job starts nothing, lets others run, and continues when it is resumed", async () => {
    const home = join(root, "pause-home");
    await using _serve = await startServe(home, ["--blender", BLENDER, "--jobs", "1"]);
    const client = await connectTo(home);
    const job = await client.submit({ scenePath: scene("hot-corner"), frames: "1..3", tiles: "3x2", deliver: "raw", peers: [] });
    await client.event(job, (each) => each.event === "chunk-accepted");
    expect(await client.ask("jobs.pause", { job })).toMatchObject({ state: "paused" });
    const other = await client.submit({ scenePath: scene("hot-corner"), deliver: "raw", peers: [] });
    const third = await client.submit({ scenePath: scene("hot-corner"), deliver: "raw", peers: [] });
    expect(await client.ask("jobs.cancel", { job: third })).toMatchObject({ state: "cancelled" }); // it was only queued
    expect(await client.ended(other)).toMatchObject({ state: "complete" });
    const early = await client.submit({ scenePath: scene("hot-corner"), deliver: "raw", peers: [] });
    expect(await client.ask("jobs.cancel", { job: early })).toMatchObject({ state: "stopping" }); // its scene is being inspected
    expect(await client.ended(early)).toMatchObject({ state: "cancelled", framesTotal: 0 });
    const resting = (await client.ask("jobs.list")).jobs.find((line) => line.job === job);
    expect(resting).toMatchObject({ state: "paused" });
    expect(resting?.chunksDone).toBeLessThan(18);
    expect(await client.ask("jobs.resume", { job })).toMatchObject({ state: "running" });
    expect(await client.ended(job)).toMatchObject({ state: "complete", framesDone: 3 });
    await expect(client.ask("jobs.retry", { job })).rejects.toThrow("JOB_STATE");
  });
});

describe("a client before it submits", () => {
  it("can request the scene's findings, the status of the swarm, and the doctor's findings", async () => {
    const home = join(root, "known-home");
    await using donor = await startDonor(join(root, "known-donor"), donorArgs);
    await using _serve = await startServe(home, ["--blender", BLENDER, "--bootstrap", donor.address]);
    const client = await connectTo(home);
    const blind = await client.ask("scene.check", { scenePath: scene("blind") });
    expect(blind).toMatchObject({ findings: [{ level: "error", code: "SCENE_NO_CAMERA" }], facts: null });
    const bare = await client.ask("scene.check", { scenePath: scene("bare") });
    expect(bare).toMatchObject({ findings: [{ level: "warning", code: "file-missing", message: expect.stringContaining("wood.png") }] });
    expect(bare.facts).toMatchObject({ tiles: true, raw: true, width: 192, height: 108 });
    const fine = await client.ask("scene.check", { scenePath: scene("eevee") });
    expect(fine.facts).toMatchObject({ tiles: false, raw: false });
    expect(fine.findings).toContainEqual(expect.objectContaining({ level: "info", code: "engine" }));
    await client.ask("swarm.status", { watch: true });
    const seen = await client.frame((frame) => frame.type === "swarm" && frame.status.peers.length > 0);
    expect(seen).toMatchObject({ status: { swarm: TEST_SWARM, peers: [{ peer: donor.peerId, open: true, cores: expect.any(Number) }] } });
    const { findings } = await client.ask("bridge.doctor");
    expect(findings.filter(({ what }) => ["Node.js", "network"].includes(what))).toMatchObject([{ ok: true }, { ok: true }]);
    const job = await client.submit({ scenePath: scene("blind"), deliver: "raw" });
    expect(await client.ended(job)).toMatchObject({ state: "failed", error: { code: "SCENE_NO_CAMERA" }, framesTotal: 0 });
    await expect(client.ask("jobs.submit", { scenePath: scene("blind"), tiles: "many" })).rejects.toThrow("TILES_INVALID");
  });
});

describe("one bridge per home", () => {
  it("a second one fails and names the first; its files are readable by their owner only; when idle, it ends and removes them", async () => {
    const home = join(root, "one-home");
    const serve = await startServe(home, ["--until-idle", "2s"]);
    const client = await connectTo(home);
    const second = await runBridge(["serve", "--home", home, "--json", "--swarm", TEST_SWARM]);
    expect(second.exitCode).toBe(2);
    expect(second.stderr).toMatch(new RegExp(`process ${serve.child.pid}, port ${serve.port}[\\s\\S]*BRIDGE_RUNNING`));
    for (const file of ["gateway.json", "gateway.token"]) expect((await stat(join(home, file))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home, "gateway.json"), "utf8")).not.toContain(await readFile(join(home, "gateway.token"), "utf8"));
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect((await client.ask("jobs.list")).jobs).toEqual([]); // a client is connected: it keeps running
    client.socket.close();
    const { exitCode } = await serve.child;
    expect(exitCode).toBe(0);
    expect(serve.last()).toMatchObject({ event: "serve-ended", reason: "idle" });
    for (const file of ["gateway.json", "gateway.token"]) expect(existsSync(join(home, file))).toBe(false);
  });
});

/** Collects the published tiles of a frame, as the add-on does. */
async function copiesOfTiles(client: Awaited<ReturnType<typeof connectTo>>, job: string, count: number) {
  const seen = new Set<string>();
  const copies: { path: string; rect: Rect }[] = [];
  while (seen.size < count) {
    const tile = await client.event(job, (each) => each.event === "tile" && !seen.has(each.chunk));
    if (tile.event !== "tile") throw new Error("no tile");
    seen.add(tile.chunk);
    const path = join(root, `tile-${seen.size}.exr`);
    const isThere = await cp(tile.path, path).then(
      () => true,
      () => false,
    );
    if (isThere) copies.push({ path, rect: tile.rect });
  }
  return copies;
}

function acceptedIn(events: readonly { readonly event: string }[]): string[] {
  return events.flatMap((each) => (each.event === "chunk-accepted" && "chunk" in each ? [String(each.chunk)] : []));
}

/** Pictures made by a Blender from the assembled raw frames, and those of plain Blender. */
async function finished(scenePath: string, raw: string, folder: string) {
  const { signal } = new AbortController();
  const [blender] = await findBlenders({ start: startPlainProcess }, { cacheFile: join(root, "blenders.json"), explicit: BLENDER }, signal);
  if (!blender) throw new Error("no Blender");
  await renderReference(scenePath, ["-o", join(`${folder}-reference`, "f_####"), "-f", "1"], `${folder}-reference`);
  await using finisher = await openFinisher(
    { start: startPlainProcess },
    {
      blender,
      scenePath,
      flags: { output: join(folder, "f_####") },
      assembledFolder: dirname(raw),
      jobScenes: ["Scene"],
      stageName: ".stage",
      scratch: await mkdtemp(join(root, "finish-")),
    },
    signal,
  );
  await finisher.finishFrame(1, signal);
  return await comparePictures(folder, `${folder}-reference`);
}

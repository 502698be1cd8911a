import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { bridge, type JsonLine, type RunningDonor, runBridge, SAMPLES, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { blenderSecondsDuring, blendersOf, filesWith } from "../processes.ts";
import { comparePictures } from "../same-picture.ts";
import { saveVariant } from "../sample-variant.ts";
import { until } from "../time/until.ts";

const MARKER = "bytes-that-only-this-scene-has-7f3a";
const donorArgs = ["--cpus", "1", "--blender", BLENDER];

let root: string;
/** A render of some seconds on one thread. */
let slow: string;
/** A render of less than a second. */
let quick: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-terms-"));
  slow = join(root, "slow.blend");
  quick = join(root, "quick.blend");
  await cp(join(SAMPLES, "hot-corner.blend"), quick);
  // With the marker uncompressed in its file.
  const note = `bpy.data.texts.new("note").write(${JSON.stringify(MARKER)})`;
  await saveVariant("hot-corner.blend", slow, ["for scene in bpy.data.scenes: scene.cycles.samples = 120", note]);
  await renderReference(slow, ["-o", join(root, "reference", "f_####"), "-f", "1"], join(root, "reference"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function renderArgs(name: string, donor: Pick<RunningDonor, "address">, scene = slow): string[] {
  return [
    "render",
    scene,
    "-o",
    join(root, name, "f_####"),
    "-f",
    "1",
    "--tiles",
    "1x1",
    "--verify",
    "off",
    "--no-local",
    "--swarm",
    TEST_SWARM,
    "--peer",
    donor.address,
    "--blender",
    BLENDER,
    "--json",
    "--home",
    join(root, `${name}-home`),
  ];
}

const owner = (home: string, ...verb: string[]) => runBridge(["donate", ...verb, "--home", home, "--json"]);

async function started(run: { line(fits: (line: JsonLine) => boolean): Promise<JsonLine> }): Promise<JsonLine> {
  return await run.line(({ event }) => event === "chunk-started");
}

/** A chunk is reported as started before Blender has read the scene, which takes long on a slow machine. */
async function untilAtWork(donor: Pick<RunningDonor, "pid">): Promise<void> {
  await until(async () => (await blenderSecondsDuring(donor.pid, 300)) > 0.05);
}

/** The limit for "soon" on a quiet machine. */
async function untilAtRest(donor: Pick<RunningDonor, "pid">): Promise<void> {
  await until(async () => (await blenderSecondsDuring(donor.pid, 1_000)) === 0);
}

describe("the owner of a donor", () => {
  it("pauses it: its Blender stops, the requester is told why, and no work is lost", async () => {
    const home = join(root, "pausing");
    await using donor = await startDonor(home, donorArgs);
    const run = bridge(renderArgs("paused", donor));
    await started(run);
    await untilAtWork(donor);

    const paused = await owner(home, "pause");
    expect(paused.exitCode, paused.stderr).toBe(0);
    expect(paused.lines.at(-1)).toMatchObject({ availability: { state: "paused", code: "owner" } });
    await untilAtRest(donor);
    expect(await run.line(({ event }) => event === "donor-availability")).toMatchObject({ open: false, reason: "its owner has paused it" });

    await owner(home, "resume");
    await untilAtWork(donor);
    const { exitCode, stderr } = await run.child;
    expect(exitCode, story({ stderr, lines: run.lines })).toBe(0);
    expect(run.lines.filter(({ event }) => event === "chunk-started")).toHaveLength(1);
    expect(await comparePictures(join(root, "paused"), join(root, "reference"))).toEqual([]);
  });

  it("pauses it after the chunk: running chunks finish, and none is started", async () => {
    const home = join(root, "finishing");
    await using donor = await startDonor(home, donorArgs);
    const run = bridge([...renderArgs("finished", donor), "--tiles", "2x1"]);
    await started(run);
    expect((await owner(home, "pause", "--finish")).lines.at(-1)).toMatchObject({ availability: { state: "closed", code: "owner" } });
    await run.line(({ event }) => event === "chunk-accepted");
    await untilAtRest(donor);
    await owner(home, "resume");
    const { exitCode, stderr } = await run.child;
    expect(exitCode, story({ stderr, lines: run.lines })).toBe(0);
    expect(run.lines.filter(({ event }) => event === "chunk-failed")).toEqual([]);
  });

  it("changes the terms while it works, and no work is lost", async () => {
    const home = join(root, "changing");
    await using donor = await startDonor(home, ["--blender", BLENDER]);
    const run = bridge([...renderArgs("changed", donor), "--tiles", "3x1"]);
    await started(run);
    const set = await owner(home, "set", "cores=2 each", "slots=2", "disk=5g", "upload=50m");
    expect(set.lines.at(-1)).toMatchObject({ running: true, terms: { cores: "2 each", slots: "2", disk: "5g", upload: "50m" } });
    expect((await owner(home, "status")).lines.at(-1)).toMatchObject({ slots: 2, threads: 2 });
    const { exitCode, stderr } = await run.child;
    expect(exitCode, story({ stderr, lines: run.lines })).toBe(0);
    expect(run.lines.filter(({ event }) => event === "chunk-failed" || event === "donor-left")).toEqual([]);
    expect(await comparePictures(join(root, "changed"), join(root, "reference"))).toEqual([]);
    const wrong = await owner(home, "set", "cores=none");
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain("USAGE");
  });

  it("evicts a job: its Blender ends, the requester is told why and is not admitted again", async () => {
    const home = join(root, "evicting");
    await using donor = await startDonor(home, donorArgs);
    const run = bridge(renderArgs("evicted", donor));
    const created = await run.line(({ event }) => event === "job-created");
    await started(run);
    const evicted = await owner(home, "evict", String(created["job"]).slice(0, 12));
    expect(evicted.lines.at(-1), evicted.stderr).toMatchObject({ event: "job-evicted", job: created["job"] });
    await until(async () => (await blendersOf(donor.pid)).length === 0);
    expect(await run.line(({ event }) => event === "donor-left")).toMatchObject({ reason: "its owner has evicted this job" });
    const note = await run.line(({ event, message }) => event === "note" && String(message).includes("its owner has evicted this job"));
    expect(note["message"]).toContain("does not take this job");
    run.child.kill("SIGKILL");
    await run.child;
  });

  it("limits the hours: the offer says so, the requester is told why and reconnects when it opens", async () => {
    const home = join(root, "hours");
    const hour = (new Date().getHours() + 12) % 24;
    await using donor = await startDonor(home, [...donorArgs, "--schedule", `${hour}:00-${hour}:30`]);
    const seen = await runBridge([
      "peers",
      "--peer",
      donor.address,
      "--swarm",
      TEST_SWARM,
      "--wait",
      "1",
      "--json",
      "--home",
      join(root, "looker"),
    ]);
    expect(seen.lines.at(-1), seen.stderr).toMatchObject({
      slots: 0,
      availability: { state: "closed", reason: expect.stringContaining(`${hour}:00`) },
    });
    const run = bridge(renderArgs("hours", donor, quick));
    const note = await run.line(({ event, message }) => event === "note" && String(message).includes("it donates only"));
    expect(note["message"]).toContain("takes no work now");
    await owner(home, "set", "schedule=always");
    const { exitCode, stderr } = await run.child;
    expect(exitCode, story({ stderr, lines: run.lines })).toBe(0);
  });
});

describe("when a job ends for any reason", () => {
  it("after a cancel the donor's Blender ends although it has the lowest priority, and its scratch holds nothing of the scene", async () => {
    const home = join(root, "cancelled");
    await using donor = await startDonor(home, donorArgs, { env: { BRIDGE_DONOR_PRIORITY: "" } });
    const run = bridge(renderArgs("cancelled", donor));
    await started(run);
    await until(async () => (await blendersOf(donor.pid)).length === 1);
    expect(await blendersOf(donor.pid)).toMatchObject([process.platform === "linux" ? { nice: 19 } : {}]);
    expect(await filesWith(join(home, "scenes"), MARKER)).not.toEqual([]);
    run.child.kill("SIGINT");
    await until(async () => (await blendersOf(donor.pid)).length === 0);
    await run.child;
    await until(async () => donor.lines.some(({ event }) => event === "job-closed"));
    await until(async () => (await filesWith(join(home, "scenes"), MARKER)).length === 0);
    expect(await filesWith(join(home, "scratch"), "")).toEqual([]);
  });

  it("after a completed job the scratch holds nothing either", async () => {
    const home = join(root, "clean");
    await using donor = await startDonor(home, donorArgs);
    const run = await runBridge(renderArgs("clean", donor));
    expect(run.exitCode, story(run)).toBe(0);
    await until(async () => (await blendersOf(donor.pid)).length === 0);
    await until(async () => (await filesWith(join(home, "scratch"), "")).length === 0);
    expect(await filesWith(join(home, "scenes"), "")).toEqual([]);
  });

  it("a donor that was killed wipes its scratch when it starts again", async () => {
    const home = join(root, "killed");
    const first = await startDonor(home, donorArgs);
    const run = bridge(renderArgs("killed", first));
    await started(run);
    first.kill();
    run.child.kill("SIGKILL");
    await run.child;
    expect(await filesWith(join(home, "scenes"), MARKER)).not.toEqual([]);
    await using _again = await startDonor(home, donorArgs);
    expect(await filesWith(join(home, "scenes"), "")).toEqual([]);
    expect(await filesWith(join(home, "scratch"), "")).toEqual([]);
  });

  it("a requester that is killed gets the chunk that was begun when it resumes: it is not rendered twice", async () => {
    const home = join(root, "patient");
    await using donor = await startDonor(home, donorArgs);
    const first = bridge(renderArgs("resumed", donor));
    const created = await first.line(({ event }) => event === "job-created");
    await started(first);
    first.child.kill("SIGKILL");
    await first.child;
    const resumed = await runBridge([
      "jobs",
      "resume",
      String(created["job"]),
      "--home",
      join(root, "resumed-home"),
      "--swarm",
      TEST_SWARM,
      "--json",
      "--no-local",
      "--peer",
      donor.address,
    ]);
    expect(resumed.exitCode, story(resumed)).toBe(0);
    expect(donor.lines.filter(({ event }) => event === "chunk-started")).toHaveLength(1);
    expect(await comparePictures(join(root, "resumed"), join(root, "reference"))).toEqual([]);
  });
});

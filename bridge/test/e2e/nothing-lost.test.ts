import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { bridge, type RunningDonor, runBridge, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { blendersOf } from "../processes.ts";
import { comparePictures } from "../same-picture.ts";

let root: string;
let donors: readonly RunningDonor[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-nothing-lost-"));
  donors = await Promise.all(["a", "b"].map((name) => startDonor(join(root, name), ["--cpus", "1"])));
});
afterAll(async () => {
  await Promise.all(donors.map((donor) => donor[Symbol.asyncDispose]()));
  await rm(root, { recursive: true, force: true });
});

const SETTINGS = `
import bpy
scene = bpy.context.scene
render = scene.render
render.engine, scene.cycles.samples = "CYCLES", 1
scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False
render.resolution_x, render.resolution_y, render.resolution_percentage = 48, 32, 100
scene.frame_start, scene.frame_end = 1, 4
`;

/** Saves a scene made by Python from Blender's start-up file. */
async function sceneOf(name: string, python: string): Promise<string> {
  const path = join(root, `${name}.blend`);
  const text = join(root, `${name}.py`);
  await writeFile(text, `${SETTINGS}\n${python}\nbpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)})\n`);
  await execa(BLENDER, ["-b", "--factory-startup", "--python-exit-code", "1", "-P", text]);
  return path;
}

const swarm = () => ["--no-local", "--swarm", TEST_SWARM, ...donors.flatMap(({ address }) => ["--peer", address])];
const options = (name: string, home = "requester") => ["-o", `${root}/${name}/f_####`, "-F", "PNG", "--home", join(root, home), "--json"];

async function expectAsBlender(name: string, scene: string, flags: readonly string[], own: readonly string[] = []): Promise<void> {
  await renderReference(scene, ["-o", `${root}/${name}-plain/f_####`, "-F", "PNG", ...flags], join(root, `${name}-plain`));
  const run = await runBridge(["render", scene, ...options(name), ...flags, ...swarm(), ...own]);
  expect(run.exitCode, story(run)).toBe(0);
  const ends = run.lines.filter(({ event }) => event === "job-ended");
  expect(ends, story(run)).toMatchObject([{ outcome: "complete", missing: [], missingFrames: 0, error: null, stats: { banned: [] } }]);
  expect(await comparePictures(join(root, name), join(root, `${name}-plain`))).toEqual([]);
}

const TITLE = `
strips = scene.sequence_editor_create().sequences
title = strips.new_effect(name="Title", type="COLOR", channel=1, frame_start=1, frame_end=3)
title.color = (0.1, 0.4, 0.8)
`;

describe("frames that need no render engine", () => {
  it("a sequence of one title strip", async () => {
    await expectAsBlender("title", await sceneOf("title", TITLE), ["-a"]);
  });

  it("a title strip, then a scene strip that needs the engine", async () => {
    const shot = `
shot = bpy.data.scenes.new("Shot")
for item in scene.objects:
    shot.collection.objects.link(item)
shot.camera = scene.camera
shot.render.engine, shot.cycles.samples = "CYCLES", 1
shot.cycles.use_denoising = False
strips.new_scene(name="3D", scene=shot, channel=2, frame_start=3)
`;
    await expectAsBlender("mixed", await sceneOf("mixed", TITLE + shot), ["-a"]);
  });
});

describe("results with equal content", () => {
  it("every frame is the same", async () => {
    await expectAsBlender("still-film", await sceneOf("still-film", ""), ["-a"]);
  });

  it("empty tiles over transparent film", async () => {
    const scene = await sceneOf("empty-tiles", "render.film_transparent, render.resolution_x, render.resolution_y = True, 160, 90");
    await expectAsBlender("empty-tiles", scene, ["-f", "1"], ["--tiles", "8x6"]);
  });
});

it("local Blenders that are killed during a job lose no frame", async () => {
  const scene = await sceneOf("killed", "render.resolution_x, render.resolution_y, scene.frame_end = 320, 180, 8");
  await renderReference(scene, ["-o", `${root}/killed-plain/f_####`, "-F", "PNG", "-a"], join(root, "killed-plain"));
  const rendering = bridge(["render", scene, ...options("killed"), "-a", ...swarm()]);
  await rendering.line(({ event }) => event === "frame-finished");
  const ours = await blendersOf(rendering.child.pid ?? 0);
  expect(ours.length).toBeGreaterThan(0);
  for (const { pid } of ours) process.kill(pid, "SIGKILL");
  expect((await rendering.child).exitCode, story({ stderr: "", lines: rendering.lines })).toBe(0);
  expect(rendering.last()).toMatchObject({ event: "job-ended", outcome: "complete", stats: { banned: [] } });
  expect(await comparePictures(join(root, "killed"), join(root, "killed-plain"))).toEqual([]);
});

describe("the last event is sent once and reports the real outcome", () => {
  it("also when the terminal is closed; no temporary file is left beside the pictures", async () => {
    const scene = await sceneOf("hang-up", "render.resolution_x, render.resolution_y, scene.frame_end = 320, 180, 400");
    const rendering = bridge(["render", scene, ...options("hang-up", "hang-up-home"), "-a", ...swarm()]);
    await rendering.line(({ event }) => event === "frame-finished");
    for (let times = 0; times < 2; times++) rendering.child.kill("SIGHUP");
    expect((await rendering.child).exitCode, story({ stderr: "", lines: rendering.lines })).toBe(130);
    expect(rendering.lines.filter(({ event }) => event === "job-ended")).toMatchObject([{ outcome: "cancelled" }]);
    expect((await readdir(join(root, "hang-up"))).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("also when the work never started", async () => {
    const run = await runBridge(["render", join(root, "nowhere.blend"), ...options("nowhere")]);
    expect(run.exitCode).toBe(2);
    expect(run.lines.filter(({ event }) => event === "job-ended")).toMatchObject([
      { outcome: "failed", error: { code: "SCENE_NOT_FOUND" }, outputs: [] },
    ]);
  });

  it("names frames whose files were deleted meanwhile, and a resume renders them again", async () => {
    const scene = await sceneOf("taken", "render.resolution_x, render.resolution_y, scene.frame_end = 320, 180, 8");
    await renderReference(scene, ["-o", `${root}/taken-plain/f_####`, "-F", "PNG", "-a"], join(root, "taken-plain"));
    const rendering = bridge(["render", scene, ...options("taken"), "-a", ...swarm()]);
    await rendering.line(({ event }) => event === "frame-finished");
    await rename(join(root, "taken"), join(root, "taken-away"));
    expect((await rendering.child).exitCode, story({ stderr: "", lines: rendering.lines })).toBe(3);
    const gone = expect.arrayContaining([expect.objectContaining({ code: "FILE_LOST" })]) as unknown;
    expect(rendering.last()).toMatchObject({ event: "job-ended", outcome: "incomplete", missing: gone });
    const resumed = await runBridge(["jobs", "resume", "--home", join(root, "requester"), "--json", ...swarm()]);
    expect(resumed.lines.at(-1), story(resumed)).toMatchObject({ event: "job-ended", outcome: "complete" });
    expect(await comparePictures(join(root, "taken"), join(root, "taken-plain"))).toEqual([]);
    expect(await readdir(join(root, "requester", "jobs"))).toEqual([]);
  });
});

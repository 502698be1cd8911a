import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { type RunningDonor, runBridge, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { comparePictures } from "../same-picture.ts";
import { saveVariant } from "../sample-variant.ts";

/** Persistent data, motion blur, and animated objects: no state of a frame may leak into the next one's tiles. */
const SCENE = "persistent-motion.blend";

let root: string;
let scene: string;
let donors: RunningDonor[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-late-"));
  scene = join(root, SCENE);
  await saveVariant(SCENE, scene, HEAVIER);
  donors = await Promise.all(["a", "b"].map((name) => startDonor(join(root, `donor-${name}`), ["--cpus", "1", "--blender", BLENDER])));
});
afterAll(async () => {
  await Promise.all(donors.map((donor) => donor[Symbol.asyncDispose]()));
  await rm(root, { recursive: true, force: true });
});

/** Frames of a few seconds: shorter ones are not cut into tiles. */
const HEAVIER = ["scene = bpy.context.scene", "scene.render.resolution_percentage = 200", "scene.cycles.samples = 48"];

it("the last frame of three is cut into tiles for two donors, and every frame equals plain Blender's", async () => {
  const frames = ["-s", "1", "-e", "3", "-a"];
  await renderReference(scene, ["-o", join(root, "theirs", "f_####"), ...frames], join(root, "theirs"));
  const peers = donors.flatMap(({ address }) => ["--peer", address]);
  const options = ["--no-local", "--swarm", TEST_SWARM, ...peers, "--verify", "off", "--blender", BLENDER, "--json"];
  const run = await runBridge(["render", scene, "-o", join(root, "ours", "f_####"), ...frames, ...options, "--home", join(root, "home")]);
  expect(run.exitCode, story(run)).toBe(0);
  const accepted = run.lines.filter(({ event }) => event === "chunk-accepted");
  const of = (frame: number) => accepted.filter(({ place }) => (place as { frame: number }).frame === frame);
  expect([of(1).length, of(2).length]).toEqual([1, 1]);
  expect(of(3).length).toBeGreaterThan(2);
  expect(new Set(of(3).map(({ donor }) => donor)).size).toBe(2);
  expect(await comparePictures(join(root, "ours"), join(root, "theirs"))).toEqual([]);
});

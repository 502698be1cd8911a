import { cp, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { bridge, type JsonLine, type RunningDonor, runBridge, SAMPLES, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { comparePictures } from "../same-picture.ts";
import { saveVariant } from "../sample-variant.ts";

const FRAMES = ["-f", "1..8"];
/** The camera moves, so that all frames differ; the floor has an image texture from disk. */
const MOVING = [
  "scene = bpy.context.scene",
  "scene.cycles.samples = 2",
  "for thing in list(scene.objects):",
  "  if thing.name.startswith('Bead'): bpy.data.objects.remove(thing)",
  "for frame, x in ((1, 0.0), (8, 1.5)):",
  "  scene.camera.location.x = x",
  "  scene.camera.keyframe_insert('location', frame=frame)",
];
const CARD = [
  "image = bpy.data.images.load(CARD)",
  "image.filepath = bpy.path.relpath(image.filepath)",
  "for material in bpy.data.materials:",
  "  if material.use_nodes and 'Principled BSDF' in material.node_tree.nodes:",
  "    texture = material.node_tree.nodes.new('ShaderNodeTexImage')",
  "    texture.image = image",
  "    material.node_tree.links.new(texture.outputs[0], material.node_tree.nodes['Principled BSDF'].inputs['Base Color'])",
];
const OTHER = ["for thing in scene.objects:", "  thing.hide_render = thing.type == 'MESH'"];

let root: string;
let donors: RunningDonor[] = [];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-sent-"));
  await cp(join(SAMPLES, "pictures", "card.png"), join(root, "card.png"));
  const scene = [`CARD = ${JSON.stringify(join(root, "card.png"))}`, ...MOVING, ...CARD];
  await saveVariant("hot-corner.blend", join(root, "old.blend"), scene);
  await saveVariant("hot-corner.blend", join(root, "new.blend"), [...scene, ...OTHER]);
  await renderReference(join(root, "old.blend"), ["-o", join(root, "reference", "f_####"), ...FRAMES], join(root, "reference"));
  const args = ["--cpus", "1", "--blender", BLENDER];
  donors = await Promise.all([startDonor(join(root, "donor-1"), args), startDonor(join(root, "donor-2"), args)]);
});
afterAll(async () => {
  for (const donor of donors) await donor[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** A project folder with the old scene in it. */
async function project(name: string): Promise<string> {
  await cp(join(root, "old.blend"), join(root, name, "shot.blend"));
  await cp(join(root, "card.png"), join(root, name, "card.png"));
  return join(root, name);
}

/** As Blender saves: a temporary file, renamed over the original. */
async function saveOver(folder: string): Promise<void> {
  await cp(join(root, "new.blend"), join(folder, "shot.blend@"));
  await rename(join(folder, "shot.blend@"), join(folder, "shot.blend"));
}

function swarmArgs(name: string): string[] {
  const peers = donors.flatMap(({ address }) => ["--peer", address]);
  return ["--swarm", TEST_SWARM, ...peers, "--json", "--home", join(root, `${name}-home`)];
}

function render(folder: string, name: string, more: readonly string[]) {
  const scene = join(folder, "shot.blend");
  return bridge(["render", scene, "-o", "//render/f_####", ...FRAMES, "--blender", BLENDER, ...swarmArgs(name), ...more]);
}

const banned = (lines: readonly JsonLine[]) => lines.filter(({ event }) => event === "donor-banned");

describe("the scene file is overwritten while it renders", () => {
  for (const { who, moment, more } of [
    { who: "donors alone", moment: "job-created", more: ["--no-local"] },
    { who: "donors and this machine", moment: "job-created", more: [] },
    { who: "donors and this machine", moment: "frame-finished", more: [] },
  ]) {
    it(`rendered by ${who}, overwritten at the first ${moment} event: the job renders the scene as it was sent`, async () => {
      const name = `${moment}-${more.length}`;
      const folder = await project(name);
      const running = render(folder, name, ["--verify", "full", ...more]);
      await running.line(({ event }) => event === moment);
      await saveOver(folder);
      const { exitCode, stderr } = await running.child;
      expect(exitCode, story({ stderr, lines: running.lines })).toBe(0);
      expect(banned(running.lines)).toEqual([]);
      expect(await comparePictures(join(folder, "render"), join(root, "reference"))).toEqual([]);
      expect(await readdir(folder)).toEqual(["card.png", "render", "shot.blend"]);
      expect(await readdir(join(root, `${name}-home`, "jobs"))).toEqual([]);
    });
  }

  it("a resumed job renders the scene as it was sent", async () => {
    const folder = await project("resumed");
    const first = render(folder, "resumed", ["--no-local"]);
    const created = await first.line(({ event }) => event === "job-created");
    await first.line(({ event }) => event === "frame-finished");
    first.child.kill("SIGKILL");
    await first.child;
    await saveOver(folder);
    const again = await runBridge(["jobs", "resume", String(created["job"]), ...swarmArgs("resumed")]);
    expect(again.exitCode, story(again)).toBe(0);
    expect(banned(again.lines)).toEqual([]);
    expect(await comparePictures(join(folder, "render"), join(root, "reference"))).toEqual([]);
    expect(await readdir(folder)).toEqual(["card.png", "render", "shot.blend"]);
  });
});

describe("another file of the scene is overwritten while it renders", () => {
  it("the job ends and names the file, and no donor is banned", async () => {
    const folder = await project("texture");
    const running = render(folder, "texture", ["--no-local", "--verify", "full"]);
    await running.line(({ event }) => event === "chunk-started");
    await writeFile(join(folder, "card.png"), "no picture any more");
    const { exitCode, stderr } = await running.child;
    expect(exitCode, story({ stderr, lines: running.lines })).toBe(3);
    expect(stderr).toContain("SCENE_CHANGED");
    expect(stderr).toContain(join(folder, "card.png"));
    expect(banned(running.lines)).toEqual([]);
  });
});

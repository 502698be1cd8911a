import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedFiles } from "../../core/plan/expected-files.ts";
import { flagArguments } from "../blender-flags.ts";
import { inspectTestScene, TEST_BLENDER, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";
import type { BlenderFlags } from "../../core/job/option-schemas.ts";

/** A scene, its flags (negative -s and -e count from the scene's own: -3 makes its range -2 to -1), and how many files it writes. */
interface OutputCase {
  readonly name: string;
  /** Changes the scene; `node(folder, slots, …)` makes a File Output node. */
  readonly python: string;
  readonly flags?: BlenderFlags;
  /** Frames one by one; default: the scene's range, with -a. */
  readonly frames?: readonly number[];
  readonly count: number;
}

const NODES = `
render = scene.render
render.resolution_x, render.resolution_y, scene.cycles.samples = 32, 32, 1
scene.frame_start, scene.frame_end = 1, 2

def compositor():
    scene.use_nodes = True
    tree = scene.node_tree
    return tree, next(node for node in tree.nodes if node.type == "R_LAYERS").outputs["Image"]

def node(base, slots, file_format="PNG", tree=None, picture=None):
    own, layers = compositor()
    tree, picture = tree or own, picture or layers
    made = tree.nodes.new("CompositorNodeOutputFile")
    made.base_path, made.format.file_format = base, file_format
    made.file_slots.clear()
    for slot in slots:
        tree.links.new(picture, add(made, slot))
    return made

def add(made, slot):
    made.file_slots.new(slot)
    return made.inputs[-1]

def stereo(views_format):
    render.use_multiview = True
    render.image_settings.views_format = views_format
`;

const CASES: readonly OutputCase[] = [
  { name: "a still", python: "", frames: [3], count: 1 },
  { name: "long frame numbers", python: "", frames: [0, 12_345], count: 2 },
  { name: "negative frame numbers", python: "", flags: { frameStart: -3, frameEnd: -3 }, count: 2 },
  { name: "a short run of number signs inside the name", python: "", flags: { output: "//out/a#b.c" }, frames: [7, 123], count: 2 },
  { name: "a folder alone, below a folder with number signs", python: "", flags: { output: "//out/##/" }, frames: [1], count: 1 },
  { name: "without extensions", python: "render.use_file_extension = False", flags: { output: "//out/x.y_" }, frames: [2], count: 1 },
  { name: "an extension of another format", python: "", flags: { output: "//out/x_##.jpg" }, frames: [2], count: 1 },
  { name: "a range", python: "", flags: { output: "//out/11_###_11" }, count: 2 },
  { name: "stereo, a file for each eye", python: 'stereo("INDIVIDUAL")', flags: { output: "//out/f.x_" }, frames: [2], count: 2 },
  {
    name: "stereo without extension, with a dot in the name",
    python: 'stereo("INDIVIDUAL"); render.use_file_extension = False',
    flags: { output: "//out/f.x_" },
    frames: [2],
    count: 2,
  },
  { name: "stereo, one file", python: 'stereo("STEREO_3D")', frames: [2], count: 1 },
  {
    name: "stereo, one file of two views",
    python: 'render.image_settings.file_format = "OPEN_EXR_MULTILAYER"; stereo("MULTIVIEW")',
    frames: [2],
    count: 1,
  },
  { name: "one eye of two", python: 'stereo("INDIVIDUAL"); render.views["right"].use = False', frames: [2], count: 1 },
  {
    name: "views of other names and suffixes",
    python: `
stereo("INDIVIDUAL")
render.views_format = "MULTIVIEW"
render.views.new("above").file_suffix = ".up"
camera = scene.camera
`,
    frames: [2],
    count: 3,
  },
  { name: "a movie", python: 'render.image_settings.file_format = "FFMPEG"', flags: { output: "//out/film" }, count: 1 },
  {
    name: "a movie of another range, with a place for it",
    python: 'render.image_settings.file_format = "FFMPEG"',
    flags: { output: "//out/film_##_x", frameStart: -1, frameEnd: 1 },
    count: 1,
  },
  { name: "one frame of a movie", python: 'render.image_settings.file_format = "FFMPEG"', frames: [2], count: 1 },
  {
    name: "a movie for each eye",
    python: 'render.image_settings.file_format = "FFMPEG"; stereo("INDIVIDUAL")',
    flags: { output: "//out/fi.lm" },
    count: 2,
  },
  {
    name: "a File Output node: one slot linked, one not, one of its own format",
    python: `
made = node("//side/", ["raw_##_", "loose", "deep/own.png", "/"])
made.file_slots[2].use_node_format, made.file_slots[2].format.file_format = False, "OPEN_EXR"
scene.node_tree.links.remove(made.inputs[1].links[0])
`,
    flags: { frameStart: -3, frameEnd: -3 },
    count: 8,
  },
  { name: "a slot without a name", python: 'node("//side/", [""])', frames: [2], count: 2 },
  { name: "a node beside the .blend", python: 'node("//", ["../up/beside"])', flags: { output: "//out/x_" }, frames: [2], count: 2 },
  { name: "a multilayer node", python: 'node("//side/all_", ["a", "b"], "OPEN_EXR_MULTILAYER")', frames: [2], count: 2 },
  { name: "a muted node", python: 'node("//side/", ["a"]).mute = True', frames: [2], count: 1 },
  { name: "a node behind a muted link", python: 'node("//side/", ["a"]).inputs[0].links[0].is_muted = True', frames: [2], count: 1 },
  {
    name: "nodes without a picture",
    python: `
made = node("//side/", ["a", "b", "c"])
rgb = scene.node_tree.nodes.new("CompositorNodeRGB")
scene.node_tree.links.new(rgb.outputs[0], made.inputs[0])
mix = scene.node_tree.nodes.new("CompositorNodeMixRGB")
scene.node_tree.links.new(rgb.outputs[0], mix.inputs[1])
scene.node_tree.links.new(mix.outputs[0], made.inputs[1])
layers = scene.node_tree.nodes.new("CompositorNodeRLayers")
scene.view_layers.new("Off").use = False
layers.layer = "Off"
scene.node_tree.links.new(layers.outputs["Image"], made.inputs[2])
`,
    frames: [2],
    count: 1,
  },
  {
    name: "a multilayer node without a picture",
    python: `
made = node("//side/all_", ["a"], "OPEN_EXR_MULTILAYER")
scene.node_tree.links.remove(made.inputs[0].links[0])
`,
    frames: [2],
    count: 1,
  },
  { name: "nodes that do not run", python: 'node("//side/", ["a"]); render.use_compositing = False', frames: [2], count: 1 },
  {
    name: "a node behind others",
    python: `
made = node("//side/", ["a"])
blur = scene.node_tree.nodes.new("CompositorNodeBlur")
scene.node_tree.links.new(compositor()[1], blur.inputs[0])
scene.node_tree.links.new(blur.outputs[0], made.inputs[0])
`,
    frames: [2],
    count: 2,
  },
  {
    name: "a node in a group",
    python: `
tree, picture = compositor()
group = bpy.data.node_groups.new("Group", "CompositorNodeTree")
inside = group.nodes.new("NodeGroupInput")
group.inputs.new("NodeSocketColor", "Image")
node("//side/", ["grouped"], tree=group, picture=inside.outputs[0])
outside = tree.nodes.new("CompositorNodeGroup")
outside.node_tree = group
tree.links.new(picture, outside.inputs[0])
`,
    frames: [2],
    count: 2,
  },
  {
    name: "nodes in stereo",
    python: `
stereo("STEREO_3D")
for name, views, file_format in (("a.b", "INDIVIDUAL", "PNG"), ("both", "STEREO_3D", "PNG"), ("exr", "MULTIVIEW", "OPEN_EXR")):
    node("//side/", [name], file_format).format.views_format = views
node("//side/layers", ["x"], "OPEN_EXR_MULTILAYER").format.views_format = "MULTIVIEW"
node("//side/apart", ["x"], "OPEN_EXR_MULTILAYER").format.views_format = "INDIVIDUAL"
`,
    frames: [2],
    count: 8,
  },
  {
    name: "nodes beside a movie",
    python: 'node("//side/", ["a"]); render.image_settings.file_format = "FFMPEG"',
    count: 3,
  },
];

let scenes: TestScenes;
const folderOf = (name: string) => name.replaceAll(/\W+/g, "-");
const blendOf = (name: string) => `${folderOf(name)}/work/scene.blend`;

beforeAll(async () => {
  scenes = await testScenes();
  const parts = CASES.map(({ name, python }) => `fresh()\n${NODES}\n${python}\nsave(${JSON.stringify(blendOf(name))})`);
  await scenes.python(`
def fresh():
    global scene
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = False, False
    scene.render.filepath = "//out/f_"

${parts.join("\n")}`);
  await promisify(execFile)(TEST_BLENDER, ["-b", "--factory-startup", ...CASES.flatMap(renderArguments)], { maxBuffer: 64 * 1024 * 1024 });
});

afterAll(async () => await scenes[Symbol.asyncDispose]());

describe("the files that inspection expects are those that plain Blender writes", () => {
  test.each(CASES)("$name", async ({ name, flags = {}, frames, count }) => {
    const { facts } = await inspectTestScene(scenes, blendOf(name), { flags, ...(frames ? { frames } : {}) });
    const asked = frames ?? [facts.frameStart, facts.frameStart + 1];
    const expected = new Set(asked.flatMap((frame) => expectedFiles(facts.output, frame).map(({ path }) => path)));
    const written = await filesBelow(scenes.path(folderOf(name)));
    expect([...expected].sort()).toEqual(written);
    expect(written).toHaveLength(count);
  });
});

/** One Blender opens and renders scene after scene. */
function renderArguments({ name, flags = {}, frames }: OutputCase): string[] {
  const what = frames ? frames.flatMap((frame) => ["-f", String(frame)]) : ["-a"];
  return [scenes.path(blendOf(name)), ...flagArguments(flags), ...what];
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.filter((path) => !/\.blend1?$/.test(path)).sort();
}

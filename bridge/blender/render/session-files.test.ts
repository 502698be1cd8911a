import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differences, filesBelow, raw, makeScenes, patience, plainRaw, testSession } from "../fixtures/session-kit.ts";
import { TEST_BLENDER, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { BlenderSession } from "../types.ts";

const SOURCES: Readonly<Record<string, string>> = {
  "pictures.blend": `
scene.render.use_stamp = True
for name in ("date", "time", "render_time", "memory", "hostname", "filename"):
    setattr(scene.render, "use_stamp_" + name, False)
scene.render.filepath = os.path.join(here, "own", "shot_##_x")
scene.render.use_overwrite = False
scene.frame_start, scene.frame_end, scene.frame_step = 2, 9, 3
`,
  // File Output nodes of two kinds with the same names, as they are made before and since 5.0
  "nodes.blend": `
def add_output(tree, file_format, folder):
    node = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(node, "directory"):
        node.directory, node.file_name = folder, "part"
        node.format.media_type = "IMAGE"
        node.file_output_items.new("RGBA", "Image")
    else:
        node.base_path = folder
        node.file_slots[0].path = "part"
    node.format.file_format = file_format
    return node
if hasattr(scene, "compositing_node_group"):
    tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    layers, final = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
else:
    scene.use_nodes = True
    tree = scene.node_tree
    layers, final = tree.nodes["Render Layers"], tree.nodes["Composite"]
blur = tree.nodes.new("CompositorNodeInvert")
tree.links.new(layers.outputs["Image"], blur.inputs["Color"])
tree.links.new(blur.outputs[0], final.inputs[0])
for folder in ("a", "b"):
    output = add_output(tree, "PNG", os.path.join(here, "own", folder, ""))
    tree.links.new((blur if folder == "a" else layers).outputs[0], output.inputs[0])
scene.render.filepath = os.path.join(here, "own", "final_")
`,
  "stereo.blend": `
scene.render.use_multiview = True
scene.render.image_settings.views_format = "INDIVIDUAL"
scene.render.filepath = os.path.join(here, "own", "")
`,
};

let scenes: TestScenes;
let session: BlenderSession;

beforeAll(async () => {
  scenes = await testScenes();
  await makeScenes(scenes, SOURCES);
  session = (await testSession(scenes)).session;
});

afterAll(async () => {
  await session.close();
  await scenes[Symbol.asyncDispose]();
});

function files(frame: number, name: string, format = "PNG", useExtension = true): ChunkSpec {
  return { kind: "files", scene: "Scene", frame, output: { name, format, useExtension } };
}

/** What plain Blender writes for one frame, with its output folder moved: paths of all files. */
async function plainFiles(name: string, frame: number, output: string, flags: readonly string[] = []): Promise<string[]> {
  const folder = await mkdtemp(scenes.path("plain-"));
  await promisify(execFile)(TEST_BLENDER, ["-b", scenes.path(name), "-o", `${folder}/${output}`, ...flags, "-f", String(frame)]);
  return (await filesBelow(folder)).map((file) => join(folder, file));
}

async function requireEqual(expected: readonly string[], got: readonly string[]): Promise<void> {
  expect(got.map((path) => basename(path))).toEqual(expected.map((path) => basename(path)));
  expect(expected.length).toBeGreaterThan(0);
  for (const [index, path] of expected.entries()) expect(await differences(path, got[index] ?? "")).toBe("");
}

describe("a frame as files equals what `blender -b -f N` writes", () => {
  it("with a stamp, names by Blender's own rule, and raw chunks before and after", async () => {
    const expected = await plainFiles("pictures.blend", 4, "shot_##_x");
    await session.load(scenes.path("pictures.blend"), { remap: {} }, patience());
    await session.render(raw(4, { x: 5, y: 5, width: 20, height: 20 }), patience());
    for (let turn = 0; turn < 2; turn++) {
      const result = await session.render(files(4, "shot_##_x"), patience());
      expect(result.raw).toBeUndefined();
      expect(result.preview).toBeDefined();
      expect(result.outputs.map((path) => basename(path))).toEqual(["shot_04_x.png"]);
      await requireEqual(expected, result.outputs);
      const again = await session.render(raw(4), patience());
      expect(await differences(await plainRaw(scenes, "pictures.blend", 4), again.raw ?? "")).toBe("");
    }
  });

  it("with compositor and File Output nodes, each in a folder of its own", async () => {
    const [expected] = await plainFiles("nodes.blend", 2, "final_");
    const nodes = (await filesBelow(scenes.path("own"))).map((file) => scenes.path(`own/${file}`));
    expect(nodes.length).toBe(2);
    await session.load(scenes.path("nodes.blend"), { remap: {} }, patience());
    const result = await session.render(files(2, "final_"), patience());
    await requireEqual([expected ?? "", ...nodes], result.outputs);
    expect((await filesBelow(scenes.path("own"))).length).toBe(2);
  });

  it.each([
    ["OPEN_EXR", true],
    ["JPEG", false],
  ] as const)("with -F %s -x %s", async (format, useExtension) => {
    const name = "pictures.blend";
    const expected = await plainFiles(name, 1, "f_", ["-F", format, "-x", useExtension ? "1" : "0"]);
    await session.load(scenes.path(name), { remap: {} }, patience());
    const result = await session.render(files(1, "f_", format, useExtension), patience());
    await requireEqual(expected, result.outputs);
  });

  it("with one file per stereo view", async () => {
    const expected = await plainFiles("stereo.blend", 3, "");
    await session.load(scenes.path("stereo.blend"), { remap: {} }, patience());
    for (let turn = 0; turn < 2; turn++) {
      const result = await session.render(files(3, ""), patience());
      await requireEqual(expected, result.outputs);
    }
  });
});

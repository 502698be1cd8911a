import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectTestScene, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";

let scenes: TestScenes;

const SCENES = `
second = bpy.data.scenes.new("Second")
second.render.engine = "CYCLES"
second.render.resolution_x, second.render.resolution_y, second.render.resolution_percentage = 200, 100, 50
second.cycles.use_denoising = False
second.frame_start, second.frame_end = 1, 100
camera = bpy.data.objects.new("Second camera", bpy.data.cameras.new("Second camera"))
second.collection.objects.link(camera)
second.camera = camera

def tree_of(owner):
    if hasattr(owner, "compositing_node_group"):
        owner.compositing_node_group = owner.compositing_node_group or bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
        return owner.compositing_node_group
    owner.use_nodes = True
    return owner.node_tree

def layers(tree, source):
    node = tree.nodes.new("CompositorNodeRLayers")
    node.scene = source
    return node

def output(tree, *sockets):
    if hasattr(scene, "compositing_node_group"):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        end = tree.nodes.new("NodeGroupOutput")
        mix = tree.nodes.new("CompositorNodeAlphaOver")
        inputs = [each for each in mix.inputs if each.type == "RGBA"]
    else:
        end = tree.nodes.new("CompositorNodeComposite")
        mix = tree.nodes.new("CompositorNodeAlphaOver")
        inputs = mix.inputs[1:]
    for socket, into in zip(sockets, inputs):
        tree.links.new(socket, into)
    tree.links.new(mix.outputs[0], end.inputs[0])

def strips_of(owner):
    editor = owner.sequence_editor or owner.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences
`;

async function make(name: string, source: string): Promise<void> {
  await scenes.python(`${SCENES}\n${source}\nbpy.context.window.scene = scene\nsave("${name}")\n`);
}

beforeAll(async () => {
  scenes = await testScenes();
});
afterAll(async () => await scenes[Symbol.asyncDispose]());

describe("scene frames of a frame", () => {
  test("are not listed where each frame is one picture of the main scene", async () => {
    await make("own.blend", "tree = tree_of(scene)\ntree.nodes.clear()\nnode = layers(tree, scene)\noutput(tree, node.outputs[0])");
    const { facts } = await inspectTestScene(scenes, "own.blend", { frames: [1] });
    expect(facts.frameInputs).toEqual([]);
    expect(facts.scenes.map((scene) => scene.name)).toEqual(["Scene"]);
  });

  test("are none when the compositor uses no render; then a missing camera is no error", async () => {
    await make(
      "picture.blend",
      `
bpy.data.objects.remove(scene.camera)
tree = tree_of(scene)
tree.nodes.clear()
output(tree, tree.nodes.new("CompositorNodeRGB").outputs[0])
`,
    );
    const { facts } = await inspectTestScene(scenes, "picture.blend", { frames: [1] });
    expect(facts.frameInputs).toEqual([{ frame: 1, sceneFrames: [] }]);
  });

  test("name the other scene of the compositor, at the main scene's size and border", async () => {
    await make(
      "comp.blend",
      `
tree = tree_of(scene)
tree.nodes.clear()
output(tree, layers(tree, scene).outputs[0], layers(tree, second).outputs[0])
scene.render.use_border = scene.render.use_crop_to_border = True
scene.render.border_min_x, scene.render.border_max_x, scene.render.border_min_y, scene.render.border_max_y = 0.25, 0.75, 0, 0.5
`,
    );
    const { facts } = await inspectTestScene(scenes, "comp.blend", { frames: [3, 7] });
    const sceneFrames = (frame: number) => ["Scene", "Second"].map((scene) => ({ scene, frame }));
    expect(
      facts.frameInputs.map(({ frame, sceneFrames: found }) => [frame, [...found].sort((a, b) => (a.scene < b.scene ? -1 : 1))]),
    ).toEqual([
      [3, sceneFrames(3)],
      [7, sceneFrames(7)],
    ]);
    expect(facts.scenes.map((scene) => [scene.name, scene.width, scene.height, scene.region, scene.cropped])).toEqual([
      ["Scene", 64, 48, { x: 16, y: 0, width: 32, height: 24 }, true],
      ["Second", 64, 48, { x: 16, y: 0, width: 32, height: 24 }, true],
    ]);
  });

  test("name a scene strip's frames, at its own size, and nothing of a main scene without a camera", async () => {
    await make(
      "strip.blend",
      `
bpy.data.objects.remove(scene.camera)
strips = strips_of(scene)
early = strips.new_scene("early", second, 1, 1)
late = strips.new_scene("late", second, 1, 11)
late.animation_offset_start = 40
late.frame_start = 11
early.frame_final_end, late.frame_final_end = 11, 21
scene.frame_end = 15
`,
    );
    const { facts } = await inspectTestScene(scenes, "strip.blend", { frames: [1, 5, 12, 40] });
    expect(facts.frameInputs).toEqual([
      { frame: 1, sceneFrames: [{ scene: "Second", frame: 1 }] },
      { frame: 5, sceneFrames: [{ scene: "Second", frame: 5 }] },
      { frame: 12, sceneFrames: [{ scene: "Second", frame: 42 }] },
      { frame: 40, sceneFrames: [] },
    ]);
    expect(facts.scenes.map((scene) => [scene.name, scene.width, scene.height])).toEqual([
      ["Scene", 64, 48],
      ["Second", 100, 50],
    ]);
    expect(facts.scenes.flatMap((scene) => scene.untileable)).toEqual([]);
  });

  test("list mixed engines, and a camera chosen by a strip", async () => {
    await make(
      "mixed.blend",
      `
third = bpy.data.scenes.new("Third")
third.camera = camera
third.render.engine = "BLENDER_WORKBENCH"
other = bpy.data.objects.new("Other camera", bpy.data.cameras.new("Other camera"))
second.collection.objects.link(other)
strips = strips_of(scene)
over = strips.new_scene("second", second, 1, 1)
over.scene_camera = other
over.blend_type = "ALPHA_OVER"
strips.new_scene("third", third, 2, 1).blend_type = "ALPHA_OVER"
`,
    );
    const { facts } = await inspectTestScene(scenes, "mixed.blend", { frames: [2] });
    const codes = Object.fromEntries(facts.scenes.map((scene) => [scene.name, scene.untileable.map((reason) => reason.code).sort()]));
    expect(codes).toEqual({ Scene: ["mixed-engines"], Second: ["mixed-engines", "strip-camera"], Third: ["engine", "mixed-engines"] });
  });

  test("leave no file outside the scratch folder", async () => {
    await make(
      "writer.blend",
      `
tree = tree_of(scene)
tree.nodes.clear()
output(tree, layers(tree, scene).outputs[0], layers(tree, second).outputs[0])
out = tree.nodes.new("CompositorNodeOutputFile")
if hasattr(out, "directory"):
    out.directory = os.path.join(here, "written/")
    out.file_output_items.new("RGBA", "Image")
else:
    out.base_path = os.path.join(here, "written")
tree.links.new(tree.nodes[0].outputs[0], out.inputs[0])
scene.render.filepath = os.path.join(here, "written/main_")
`,
    );
    await inspectTestScene(scenes, "writer.blend", { frames: [1, 2] });
    expect((await readdir(scenes.folder)).filter((name) => name === "written")).toEqual([]);
  });
});

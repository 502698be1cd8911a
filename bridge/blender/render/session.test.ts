import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cut, differences, raw, makeScenes, patience, plainAnimation, plainRaw, testSession } from "../fixtures/session-kit.ts";
import { type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";
import type { BlenderSession } from "../types.ts";

const ORDERED: Readonly<Record<string, string>> = {
  "fixed samples": "",
  "adaptive samples": "scene.cycles.use_adaptive_sampling, scene.cycles.samples, scene.cycles.adaptive_threshold = True, 32, 0.1",
  stereo: "scene.render.use_multiview = True",
  "two view layers": `
layer = scene.view_layers.new("Second Layer")
layer.use_pass_normal = layer.use_pass_z = layer.use_pass_cryptomatte_object = True
layer.material_override = cube.active_material
`,
  "cameras bound to markers": `
other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
other.matrix_world = scene.camera.matrix_world
other.location.x += 1
scene.collection.objects.link(other)
scene.timeline_markers.new("a", frame=1).camera = other
scene.timeline_markers.new("b", frame=3).camera = scene.camera
`,
  "an animated shutter and seed": `
scene.render.use_motion_blur = True
for frame, shutter in ((1, 0), (10, 1)):
    scene.render.motion_blur_shutter = shutter
    scene.keyframe_insert("render.motion_blur_shutter", frame=frame)
scene.cycles.use_animated_seed = True
scene.frame_set(1)
`,
  "hair on what deforms": `
cube.shape_key_add(name="Basis")
for point in cube.shape_key_add(name="Large").data:
    point.co *= 1.5
for frame, value in ((1, 0), (10, 1)):
    cube.data.shape_keys.key_blocks["Large"].value = value
    cube.data.shape_keys.key_blocks["Large"].keyframe_insert("value", frame=frame)
cube.modifiers.new("Hair", "PARTICLE_SYSTEM").particle_system.settings.type = "HAIR"
cube.particle_systems[0].settings.count = 200
scene.frame_set(1)
`,
  "an animated simplification": `
cube.modifiers.new("Subdivision", "SUBSURF").render_levels = 3
for frame, value in ((1, True), (5, False)):
    scene.render.use_simplify, scene.render.simplify_subdivision_render = value, 0
    scene.render.keyframe_insert("use_simplify", frame=frame)
scene.frame_set(1)
`,
  "drivers that fail at a frame": `
def drive(owner, path, expression, *index):
    owner.driver_add(path, *index).driver.expression = expression
drive(cube, "rotation_euler", "1 / (frame - 3)", 0)
drive(cube, "rotation_euler", "sqrt(6 - frame)", 2)
cube.shape_key_add(name="Basis")
for point in cube.shape_key_add(name="Large").data:
    point.co *= 1.5
drive(cube.data.shape_keys, 'key_blocks["Large"].value', "1 / (frame - 7)")
drive(scene.camera.data, "lens", "30 + log(6 - frame)")
scene.world = scene.world or bpy.data.worlds.new("World")
scene.world.use_nodes = True
drive(scene.world.node_tree, 'nodes["Background"].inputs[1].default_value', "1 / (frame - 7)")
`,
  "other output settings, mapped time, simplify": `
settings = scene.render.image_settings
settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "16"
scene.render.use_stamp = scene.render.use_border = True
scene.render.filepath = "//nowhere/####"
scene.render.frame_map_old, scene.render.frame_map_new = 100, 150
scene.render.use_simplify = True
scene.frame_start, scene.frame_end = 5, 6
scene.use_nodes = True
`,
};

const OTHERS: Readonly<Record<string, string>> = {
  "two.blend": `
bpy.ops.scene.new(type="LINK_COPY")
bpy.context.scene.name = "Other"
bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 40
bpy.context.window.scene = scene
`,
  "cloth.blend": `
bpy.ops.mesh.primitive_grid_add(x_subdivisions=10, y_subdivisions=10, size=3, location=(0, 0, 2))
subdivision = bpy.context.object.modifiers.new("Subdivision", "SUBSURF")
subdivision.levels, subdivision.render_levels = 0, 1
bpy.context.object.modifiers.new("Cloth", "CLOTH")
cube.modifiers.new("Collision", "COLLISION")
`,
  "denoised.blend": "scene.cycles.use_denoising = True",
  "noisy.blend": "bpy.context.view_layer.cycles.denoising_store_passes = True",
};

const fileOf = (title: string) => `${title.replaceAll(/\W+/g, "-")}.blend`;

let scenes: TestScenes;
let session: BlenderSession;

beforeAll(async () => {
  scenes = await testScenes();
  const ordered = Object.entries(ORDERED).map(([title, source]) => [fileOf(title), source]);
  await makeScenes(scenes, { ...(Object.fromEntries(ordered) as Record<string, string>), ...OTHERS });
  session = (await testSession(scenes)).session;
});

afterAll(async () => {
  await session.close();
  await scenes[Symbol.asyncDispose]();
});

describe("raw frames of a warm session equal what `blender -b -f N` renders", () => {
  it.each(Object.keys(ORDERED))("%s: tiles and frames in any order", async (title) => {
    const plain = { 3: await plainRaw(scenes, fileOf(title), 3), 7: await plainRaw(scenes, fileOf(title), 7) };
    await session.load(scenes.path(fileOf(title)), { remap: {} }, patience());
    const [large, side, pixel] = [
      { x: 20, y: 13, width: 44, height: 35 },
      { x: 0, y: 0, width: 20, height: 48 },
      { x: 31, y: 17, width: 1, height: 1 },
    ];
    const asked = [[3, large], [3], [3, side], [7], [3, pixel], [3], [3, large]] as const;
    for (const [frame, rect] of asked) {
      const result = await session.render(raw(frame, rect), patience());
      const expected = rect === undefined ? plain[frame] : await cut(scenes, plain[frame], rect);
      expect(await differences(expected, result.raw ?? "")).toBe("");
      expect(result.outputs).toEqual([]);
      expect(result.preview === undefined).toBe(title === "stereo");
    }
  });

  it("two scenes of one file in turn", async () => {
    const [main, other] = [await plainRaw(scenes, "two.blend", 2), await plainRaw(scenes, "two.blend", 2, "Other")];
    await session.load(scenes.path("two.blend"), { remap: {} }, patience());
    const rect = { x: 0, y: 0, width: 20, height: 48 };
    for (let turn = 0; turn < 2; turn++) {
      const tile = await session.render(raw(2, rect), patience());
      expect(await differences(await cut(scenes, main, rect), tile.raw ?? "")).toBe("");
      const whole = await session.render(raw(2, undefined, { scene: "Other", width: 40, height: 40 }), patience());
      expect(await differences(other, whole.raw ?? "")).toBe("");
    }
  });

  it("an unbaked simulation, stepped up to the frame, and again from the start", async () => {
    const reference = await plainAnimation(scenes, "cloth.blend", 1, 7);
    await session.load(scenes.path("cloth.blend"), { remap: {} }, patience());
    for (const frames of [[7], [3, 4, 7], [9, 7]]) {
      let last = "";
      for (const frame of frames) last = (await session.render(raw(frame, undefined, { stepFrom: 1 }), patience())).raw ?? "";
      expect(await differences(reference, last)).toBe("");
    }
  });

  it("a denoised scene: noisy, with the passes that denoising needs", async () => {
    const reference = await plainRaw(scenes, "noisy.blend", 2);
    await session.load(scenes.path("denoised.blend"), { remap: {} }, patience());
    const result = await session.render(raw(2, undefined, { denoise: "after-assembly" }), patience());
    expect(await differences(reference, result.raw ?? "")).toBe("");
  });
});

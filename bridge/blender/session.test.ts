import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cut, differences, floats, plainAnimation, plainFloats, patience, testSession } from "./fixtures/session-kit.ts";
import { type TestScenes, testScenes } from "./fixtures/inspect-kit.ts";

const TIMEOUT = 180_000;

/** Something that moves, shines and casts shadows. */
const SUBJECT = `
cube = bpy.data.objects["Cube"]
cube.modifiers.new("Bevel", "BEVEL").width = 0.3
cube.keyframe_insert("location", frame=1)
cube.location.z, cube.rotation_euler.z = 1, 1
cube.keyframe_insert("location", frame=20); cube.keyframe_insert("rotation_euler", frame=20)
bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1))
`;

const CASES: Readonly<Record<string, string>> = {
  "fixed samples": "",
  "adaptive samples": `
scene.cycles.use_adaptive_sampling, scene.cycles.samples, scene.cycles.adaptive_threshold = True, 32, 0.1
`,
  stereo: `scene.render.use_multiview = True
`,
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
  "an animated shutter and seed, and a border of its own": `
scene.render.use_motion_blur = True
for frame, shutter in ((1, 0), (10, 1)):
    scene.render.motion_blur_shutter = shutter
    scene.keyframe_insert("render.motion_blur_shutter", frame=frame)
scene.cycles.use_animated_seed = True
scene.frame_set(1)
`,
};

let scenes: TestScenes;

beforeAll(async () => {
  scenes = await testScenes();
});
afterAll(async () => {
  await scenes[Symbol.asyncDispose]();
});

describe("floats of a warm session equal what `blender -b -f N` renders", () => {
  it.each(Object.entries(CASES))("%s: tiles and frames in any order", { timeout: TIMEOUT }, async (title, source) => {
    const name = `${title.replaceAll(/\W+/g, "-")}.blend`;
    await scenes.python(`${SUBJECT}${source}save(${JSON.stringify(name)})`);
    const reference = await plainFloats(scenes, name, 3);
    const { session } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path(name), { remap: {} }, patience());
    const tiles = [
      { x: 20, y: 13, width: 44, height: 35 },
      { x: 0, y: 0, width: 20, height: 48 },
      { x: 31, y: 17, width: 1, height: 1 },
    ];
    const order = [tiles[0], undefined, tiles[1], "other frame", tiles[2], undefined, tiles[0]] as const;
    for (const step of order) {
      if (step === "other frame") {
        await session.render(floats(7), patience());
        continue;
      }
      const result = await session.render(floats(3, step), patience());
      const expected = step === undefined ? reference : await cut(scenes, reference, step);
      expect(await differences(expected, result.floats ?? "")).toBe("");
      expect(result.outputs).toEqual([]);
      expect(result.preview === undefined).toBe(title === "stereo");
    }
  });

  it("two scenes of one file in turn", { timeout: TIMEOUT }, async () => {
    await scenes.python(`${SUBJECT}
bpy.ops.scene.new(type="LINK_COPY")
bpy.context.scene.name = "Other"
bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 40
bpy.context.window.scene = scene
save("two.blend")`);
    const [main, other] = [await plainFloats(scenes, "two.blend", 2), await plainFloats(scenes, "two.blend", 2, "Other")];
    const { session } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("two.blend"), { remap: {} }, patience());
    const rect = { x: 0, y: 0, width: 20, height: 48 };
    for (let turn = 0; turn < 2; turn++) {
      const tile = await session.render(floats(2, rect), patience());
      expect(await differences(await cut(scenes, main, rect), tile.floats ?? "")).toBe("");
      const whole = await session.render(floats(2, undefined, { scene: "Other", width: 40, height: 40 }), patience());
      expect(await differences(other, whole.floats ?? "")).toBe("");
    }
  });

  it("a simulation without a cache, stepped up to the frame, and from the start again", { timeout: TIMEOUT }, async () => {
    await scenes.python(`${SUBJECT}
bpy.ops.mesh.primitive_grid_add(x_subdivisions=10, y_subdivisions=10, size=3, location=(0, 0, 2))
subdivision = bpy.context.object.modifiers.new("Subdivision", "SUBSURF")
subdivision.levels, subdivision.render_levels = 0, 1
bpy.context.object.modifiers.new("Cloth", "CLOTH")
cube.modifiers.new("Collision", "COLLISION")
save("cloth.blend")`);
    const reference = await plainAnimation(scenes, "cloth.blend", 1, 7);
    const { session } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("cloth.blend"), { remap: {} }, patience());
    for (const frames of [[7], [3, 4, 7], [9, 7]]) {
      let last = "";
      for (const frame of frames) last = (await session.render(floats(frame, undefined, { stepFrom: 1 }), patience())).floats ?? "";
      expect(await differences(reference, last)).toBe("");
    }
  });

  it("without the denoiser's own passes lost when the scene denoises", { timeout: TIMEOUT }, async () => {
    await scenes.python(`${SUBJECT}scene.cycles.use_denoising = True
save("denoised.blend")
scene.cycles.use_denoising = False
bpy.context.view_layer.cycles.denoising_store_passes = True
save("noisy.blend")`);
    const reference = await plainFloats(scenes, "noisy.blend", 2);
    const { session } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("denoised.blend"), { remap: {} }, patience());
    const result = await session.render(floats(2), patience());
    expect(await differences(reference, result.floats ?? "")).toBe("");
  });
});

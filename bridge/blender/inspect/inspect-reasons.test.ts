import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectTestScene, mainScene, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";

let scenes: TestScenes;
beforeAll(async () => {
  scenes = await testScenes();
  await scenes.python(`
cube = bpy.data.objects["Cube"]
scene.cycles.time_limit = 5
scene.render.use_freestyle = True
cube.driver_add("location", 0).driver.expression = "frame / 10"
cube.driver_add("location", 1).driver.expression = "__import__('os').getpid()"
text = bpy.data.texts.new("startup.py")
text.use_module = True
save("tricks.blend")
text.use_module = False
cube.driver_remove("location")
scene.cycles.time_limit = 0
scene.view_layers[0].use_freestyle = False
save("calm.blend")
scene.render.engine = "BLENDER_WORKBENCH"
save("workbench.blend")
scene.view_layers[0].use_freestyle = True
scene.view_layers[0].freestyle_settings.mode = "SCRIPT"
scene.view_layers[0].freestyle_settings.modules.new().script = text
save("style-scripts.blend")
scene.render.engine = "CYCLES"
save("style-scripts-cycles.blend")
scene.view_layers[0].freestyle_settings.mode = "EDITOR"
scene.view_layers[0].use_freestyle = False

def variant(name, change):
    item = cube.copy()
    item.data = cube.data.copy()
    item.name = name
    scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = item
    change(item)
    save(name + ".blend")
    bpy.data.objects.remove(item)

def particles(item, **values):
    item.modifiers.new("particles", "PARTICLE_SYSTEM")
    for name, value in values.items():
        setattr(item.particle_systems[0].settings, name, value)

def cloth(item):
    item.modifiers.new("cloth", "CLOTH").point_cache.frame_start = 10

def hidden(item):
    item.modifiers.new("cloth", "CLOTH").show_render = False

def rigid(item):
    bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.collection = scene.rigidbody_world.collection or bpy.data.collections.new("Rigid")
    scene.rigidbody_world.collection.objects.link(item)

variant("cloth", cloth)
variant("hidden", hidden)
variant("soft", lambda item: item.modifiers.new("soft", "SOFT_BODY"))
variant("emitter", particles)
variant("still", lambda item: particles(item, physics_type="NO"))
variant("hair", lambda item: particles(item, type="HAIR"))
variant("rigid", rigid)
bpy.ops.rigidbody.world_remove()
`);
});
afterAll(async () => await scenes[Symbol.asyncDispose]());

const codes = (reasons: readonly { readonly code: string }[]) => reasons.map((reason) => reason.code);

describe("reasons found by inspection", () => {
  test("against tiles: Freestyle, a time limit; against equal pictures: scripts", async () => {
    const inspection = await inspectTestScene(scenes, "tricks.blend", { frames: [1] });
    expect(codes(mainScene(inspection).untileable)).toEqual(["freestyle", "time-limit"]);
    expect(codes(inspection.facts.warnings)).toEqual(["script-driver", "script-module"]);
    expect(inspection.facts.warnings[0]?.message).toContain("getpid");
  });

  test("are none when a setting is on but has no effect", async () => {
    const inspection = await inspectTestScene(scenes, "calm.blend", { frames: [1] });
    expect(mainScene(inspection).untileable).toEqual([]);
    expect(inspection.facts.warnings).toEqual([]);
  });

  test("against tiles: an engine that draws by OpenGL", async () => {
    const inspection = await inspectTestScene(scenes, "workbench.blend", { frames: [1] });
    expect(codes(mainScene(inspection).untileable)).toEqual(["engine"]);
    expect(codes(inspection.facts.warnings)).toEqual(["needs-opengl"]);
  });

  test("against other machines: the scene's own scripts, which donors would leave out", async () => {
    const drawn = await inspectTestScene(scenes, "style-scripts.blend", { frames: [1] });
    expect(codes(drawn.facts.warnings)).toEqual(["needs-opengl", "own-scripts"]);
    const traced = await inspectTestScene(scenes, "style-scripts-cycles.blend", { frames: [1] });
    expect(codes(traced.facts.warnings)).toEqual([]); // the finishing Blender draws the lines on this machine
  });

  test.each([
    ["cloth", "unbaked-simulation"],
    ["soft", "unbaked-simulation"],
    ["emitter", "unbaked-simulation"],
    ["rigid", "unbaked-simulation"],
    ["hidden", undefined],
    ["still", undefined],
    ["hair", undefined],
  ])("for frame order: %s gives %s", async (name, code) => {
    expect(mainScene(await inspectTestScene(scenes, `${name}.blend`, { frames: [1, 20] })).inOrder?.code).toBe(code);
  });

  test("for frame order: none before a simulation starts", async () => {
    expect(mainScene(await inspectTestScene(scenes, "cloth.blend", { frames: [1, 10] })).inOrder).toBeUndefined();
  });
});

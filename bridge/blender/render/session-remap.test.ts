import { mkdir, rename } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differences, raw, makeScenes, patience, plainRaw, testSession } from "../fixtures/session-kit.ts";
import { type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";

/** Python that puts an image of one colour into a folder and onto an object, by its absolute path. */
const PAINT = `
def paint(thing, folder, color):
    folder = os.path.join(here, folder)
    os.makedirs(folder, exist_ok=True)
    image = bpy.data.images.new("Paint", 8, 8)
    image.pixels = list(color) * 64
    image.filepath_raw, image.file_format = os.path.join(folder, "größe 1.png"), "PNG"
    image.save()
    image.source = "FILE"
    material = bpy.data.materials.new("Painted")
    material.use_nodes = True
    texture = material.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(os.path.join(folder, "größe 1.png"))
    material.node_tree.links.new(texture.outputs["Color"], material.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
    thing.data.materials.clear()
    thing.data.materials.append(material)
def link(path, name):
    with bpy.data.libraries.load(os.path.join(here, path), link=True, relative=False) as (_, wanted):
        wanted.objects = [name]
    bpy.context.scene.collection.objects.link(bpy.data.objects[name])
def keep_absolute(path):
    os.makedirs(os.path.dirname(os.path.join(here, path)), exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(here, path), relative_remap=False)
`;

let scenes: TestScenes;

beforeAll(async () => {
  scenes = await testScenes();
  await makeScenes(scenes, {
    "assets/deep/deepest.blend": `${PAINT}
cube.name = "Deepest"
paint(cube, "textures/deep", (0, 0, 1, 1))
keep_absolute("assets/deep/deepest.blend")`,
    "assets/lib.blend": `
link("assets/deep/deepest.blend", "Deepest")
cube.name = "Near"
cube.parent = bpy.data.objects["Deepest"]
paint(cube, "textures", (1, 0, 0, 1))
keep_absolute("assets/lib.blend")`,
    "shot/main.blend": `
bpy.data.objects.remove(cube)
link("assets/lib.blend", "Near")
link("assets/deep/deepest.blend", "Deepest")
paint(bpy.data.objects["Plane"], "textures/plane", (0, 1, 0, 1))
keep_absolute("shot/main.blend")`,
    "shot/relative.blend": `
bpy.data.objects.remove(cube)
link("assets/lib.blend", "Near")
paint(bpy.data.objects["Plane"], "textures/plane", (0, 1, 0, 1))`,
  });
});

afterAll(async () => {
  await scenes[Symbol.asyncDispose]();
});

describe("a scene whose files were moved", () => {
  it("renders as at its original path, with nested libraries and their textures", async () => {
    const references = [await plainRaw(scenes, "shot/main.blend", 3), await plainRaw(scenes, "shot/relative.blend", 3)];
    await mkdir(scenes.path("bundle"));
    for (const folder of ["assets", "textures", "shot"]) await rename(scenes.path(folder), scenes.path(`bundle/${folder}`));
    await rename(scenes.path("bundle/textures"), scenes.path("bundle/pictures"));
    const { session } = await testSession(scenes);
    await using _ = session;
    const render = async (name: string, remap: Record<string, string>) => {
      await session.load(scenes.path(`bundle/shot/${name}`), { remap }, patience());
      return (await session.render(raw(3), patience())).raw ?? "";
    };
    const absolute = {
      [scenes.folder]: scenes.path("bundle"),
      [scenes.path("textures")]: scenes.path("bundle/pictures"),
      [scenes.path("bundle")]: scenes.path("bundle"),
    };
    expect(await differences(references[0] ?? "", await render("main.blend", absolute))).toBe("");
    const between = { ...absolute, [scenes.path("bundle/textures")]: scenes.path("bundle/pictures") };
    expect(await differences(references[1] ?? "", await render("relative.blend", between))).toBe("");
    expect(await differences(references[0] ?? "", await render("main.blend", {}))).not.toBe("");
  });
});

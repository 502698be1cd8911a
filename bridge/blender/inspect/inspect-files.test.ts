import { relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Inspection } from "../types.ts";
import { inspectTestScene, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";

let scenes: TestScenes;
let inspection: Inspection;

const EXISTING: Record<string, string> = {
  "текстуры и цвета/Ж ö 木.png": "image",
  "tex/one.png": "image",
  "tex/win.png": "image",
  "tex/udim.1001.png": "image",
  "tex/udim.1002.png": "image",
  "tex/seq_0009.png": "image",
  "tex/seq_0010.png": "image",
  "tex/seq_10001.png": "image",
  "tex/eye_L.png": "image",
  "tex/eye_R.png": "image",
  "film/clip.mp4": "movie",
  "film/shot003.jpg": "image",
  "film/shot004.jpg": "image",
  "film/strip.mp4": "movie",
  "film/plate_7.png": "image",
  "film/plate_9.png": "image",
  "sound/noise.wav": "sound",
  "fonts/own.ttf": "font",
  "vdb/smoke_001.vdb": "volume",
  "vdb/smoke_002.vdb": "volume",
  "cache/anim.abc": "cache",
  "cache/mesh.pc2": "cache",
  "cache/fluid/data/fluid_data_0001.vdb": "cache",
  "cache/fluid/config/config_0001.uni": "cache",
  "blendcache_main/436C6F7468_000001_00.bphys": "cache",
  "outside/ext_000001_01.bphys": "cache",
  "shaders/noise.osl": "text",
  "lamps/spot.ies": "ies",
  "library of things/props.blend": "library",
  "library of things/deeper/material.blend": "library",
  "library of things/deeper/wood.png": "image",
};
/** In the same folder as files of the scene, but not used by it. */
const STRANGERS = [
  "tex/other.png",
  "tex/seq_00011.png",
  "tex/seq_old_0009.png",
  "film/shot.txt",
  "cache/fluid/private.txt",
  "film/plate_8.png",
];

const OWN = `
def image(path, source="FILE", **more):
    block = bpy.data.images.new(os.path.basename(path), 4, 4)
    block.source, block.filepath = source, path
    block.use_fake_user = True
    for name, value in more.items():
        setattr(block, name, value)
    return block
`;

beforeAll(async () => {
  scenes = await testScenes();
  const made = Object.keys(EXISTING).filter((name) => !name.endsWith(".blend"));
  for (const name of [...made, ...STRANGERS]) await scenes.file(name);
  await scenes.python(`${OWN}
material = bpy.data.materials.new("Wood")
material.use_nodes = material.use_fake_user = True
node = material.node_tree.nodes.new("ShaderNodeTexImage")
node.image = image("//wood.png")
save("library of things/deeper/material.blend")
`);
  await scenes.python(`
with bpy.data.libraries.load(os.path.join(here, "library of things/deeper/material.blend"), link=True, relative=False) as (there, into):
    into.materials = ["Wood"]
bpy.data.objects["Cube"].data.materials.clear()
bpy.data.objects["Cube"].data.materials.append(bpy.data.materials["Wood"])
save("library of things/props.blend", relative_remap=True)
bpy.ops.file.make_paths_relative()
save("library of things/props.blend")
`);
  await scenes.python(`${OWN}
save("main.blend")
with bpy.data.libraries.load(os.path.join(here, "library of things/props.blend"), link=True, relative=True) as (there, into):
    into.objects = ["Cube"]
scene.collection.objects.link(into.objects[0])
image("//текстуры и цвета/Ж ö 木.png")
image(os.path.join(here, "tex/one.png"))
image("//tex\\\\win.png")
image("//tex/seq_0009.png", "SEQUENCE")
tiled = image("//tex/udim.<UDIM>.png", "TILED")
tiled.tiles.new(1002)
scene.render.use_multiview = True
image("//tex/eye_L.png", use_multiview=True, views_format="INDIVIDUAL")
image("//tex/absent.png")
packed = bpy.data.images.new("packed", 4, 4)
packed.pack()
packed.use_fake_user = True
image("//tex/other.png", "GENERATED")
bpy.data.movieclips.load(os.path.join(here, "film/clip.mp4")).use_fake_user = True
for name in ("shot003.jpg", "shot004.jpg"):
    shot = bpy.data.images.new(name, 4, 4)
    shot.file_format, shot.filepath_raw = "JPEG", os.path.join(here, "film", name)
    shot.save()
    bpy.data.images.remove(shot)
shots = bpy.data.movieclips.load(os.path.join(here, "film/shot003.jpg"))
shots.use_fake_user = True
bpy.data.sounds.load(os.path.join(here, "sound/noise.wav")).use_fake_user = True
text = bpy.data.curves.new("Text", "FONT")
scene.collection.objects.link(bpy.data.objects.new("Text", text))
import glob, shutil
shipped = sorted(glob.glob(os.path.join(bpy.utils.system_resource("DATAFILES"), "fonts", "*Mono*")))[0]
shutil.copy(shipped, os.path.join(here, "fonts/own.ttf"))
text.font = bpy.data.fonts.load(os.path.join(here, "fonts/own.ttf"))
vdb = bpy.data.volumes.new("Smoke")
vdb.filepath, vdb.is_sequence, vdb.use_fake_user = "//vdb/smoke_001.vdb", True, True
cached = bpy.data.objects.new("Alembic", bpy.data.meshes.new("Alembic"))
scene.collection.objects.link(cached)
# not evaluated: Debian's Blender 4.3 crashes on every fluid
cached.hide_viewport = True
bpy.ops.cachefile.open(filepath=os.path.join(here, "cache/anim.abc"))
cached.modifiers.new("cache", "MESH_SEQUENCE_CACHE").cache_file = bpy.data.cache_files[0]
baked = cached.modifiers.new("mesh", "MESH_CACHE")
baked.filepath, baked.cache_format = "//cache/mesh.pc2", "PC2"
fluid = cached.modifiers.new("fluid", "FLUID")
fluid.fluid_type = "DOMAIN"
fluid.domain_settings.cache_directory = "//cache/fluid"
for name in ("Cloth", "External"):
    bpy.ops.mesh.primitive_plane_add()
    item = bpy.context.object
    item.name = name
    cache = item.modifiers.new("cloth", "CLOTH").point_cache
    if name == "Cloth":
        cache.use_disk_cache = True
    else:
        cache.use_external, cache.filepath, cache.name, cache.index = True, "//outside/", "ext", 1
material = bpy.data.materials.new("Nodes")
material.use_nodes = material.use_fake_user = True
script = material.node_tree.nodes.new("ShaderNodeScript")
script.mode, script.filepath = "EXTERNAL", "//shaders/noise.osl"
bpy.data.objects["Light"].data.use_nodes = True
profile = bpy.data.objects["Light"].data.node_tree.nodes.new("ShaderNodeTexIES")
profile.mode, profile.filepath = "EXTERNAL", "//lamps/spot.ies"
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strips.new_movie("film", os.path.join(here, "film/strip.mp4"), 1, 1)
plates = strips.new_image("plates", os.path.join(here, "film/plate_7.png"), 2, 1)
plates.elements.append("plate_9.png")
for each in strips:
    each.mute = True
os.makedirs(os.path.join(here, "blendcache_main"), exist_ok=True)
bpy.ops.file.make_paths_relative()
save("main.blend")
with open(os.path.join(here, "blendcache_main/436C6F7468_000001_00.bphys"), "w") as file:
    file.write("x")
`);
});
afterAll(async () => await scenes[Symbol.asyncDispose]());

describe("files of a scene", () => {
  test("are those that it reads, whatever their names and folders", async () => {
    inspection = await inspectTestScene(scenes, "main.blend");
    const found = Object.fromEntries(
      inspection.files.filter((file) => !file.missing).map((file) => [relative(scenes.folder, file.path), file.kind]),
    );
    expect(found).toEqual({ "main.blend": "blend", ...EXISTING });
  });

  test("that are missing are listed, with a warning", () => {
    const missing = inspection.files.filter((file) => file.missing);
    expect(missing).toEqual([{ path: scenes.path("tex/absent.png"), kind: "image", missing: true }]);
    expect(inspection.facts.warnings).toEqual([
      { code: "file-missing", message: `The scene names a file that is not there: ${scenes.path("tex/absent.png")}` },
    ]);
  });
});

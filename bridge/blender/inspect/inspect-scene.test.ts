import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkBlendFile } from "../find/blend-header.ts";
import { inspectTestScene, mainScene, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";

let scenes: TestScenes;
beforeAll(async () => {
  scenes = await testScenes();
  await scenes.python(`
save("plain.blend", compress=False)
scene.render.use_overwrite = False
save("keeping.blend")
scene.render.use_overwrite = True
save("zstd.blend", compress=True)
bpy.data.scenes.new("Ünused")
save("two.blend")
bpy.context.window.scene = scene
scene.render.fps, scene.render.fps_base = 30, 1.001
scene.frame_start, scene.frame_end, scene.frame_step = 3, 21, 4
scene.render.filepath = "//bilder/f_###"
scene.render.use_overwrite = False
scene.cycles.use_adaptive_sampling, scene.cycles.use_denoising = True, True
other = scene.view_layers.new("Second layer")
other.samples = 99
off = scene.view_layers.new("Off")
off.use, off.samples = False, 500
scene.render.use_multiview = True
save("rich.blend")
bpy.data.objects.remove(scene.camera)
save("blind.blend")
far = bpy.data.objects.new("Far", bpy.data.cameras.new("Far"))
bpy.data.scenes["Ünused"].collection.objects.link(far)
scene.timeline_markers.new("cut", frame=5).camera = far
save("marker.blend")
`);
});
afterAll(async () => await scenes[Symbol.asyncDispose]());

describe("inspectScene", () => {
  test("reports size, samples and frame range of a simple scene", async () => {
    const inspection = await inspectTestScene(scenes, "plain.blend");
    expect(inspection.facts).toMatchObject({
      scene: "Scene",
      frameStart: 1,
      frameEnd: 250,
      frameStep: 1,
      fps: { numerator: 24, denominator: 1 },
    });
    expect(inspection.facts.warnings).toEqual([]);
    expect(inspection.facts.frameInputs).toEqual([]);
    expect(mainScene(inspection)).toEqual({
      name: "Scene",
      engine: "CYCLES",
      width: 64,
      height: 48,
      region: { x: 0, y: 0, width: 64, height: 48 },
      cropped: false,
      samples: 4,
      adaptive: false,
      overscanPx: 0,
      denoised: false,
      denoise: undefined,
      viewLayers: ["ViewLayer"],
      views: [""],
      untileable: [],
      inOrder: undefined,
    });
    expect(inspection.files).toEqual([{ path: scenes.path("plain.blend"), kind: "blend", missing: false }]);
  });

  test("lists the frames that exist already when the scene does not overwrite, and none when it does", async () => {
    await scenes.file("da/f_003.png");
    await scenes.file("da/f_004.jpg");
    const output = { output: scenes.path("da/f_###") };
    const keeping = await inspectTestScene(scenes, "keeping.blend", { flags: output, frames: [3, 4, 5] });
    expect(keeping.facts.output.existing).toEqual([3]);
    const overwriting = await inspectTestScene(scenes, "plain.blend", { flags: output, frames: [3] });
    expect(overwriting.facts.output.existing).toEqual([]);
  });

  test("reports view layers, views, samples, denoising and a fractional frame rate", async () => {
    const inspection = await inspectTestScene(scenes, "rich.blend");
    expect(inspection.facts).toMatchObject({
      frameStart: 3,
      frameEnd: 21,
      frameStep: 4,
      fps: { numerator: 30_000, denominator: 1001 },
      output: { format: "PNG", isMovie: false, overwrite: false, existing: [], useExtension: true, path: scenes.path("bilder/f_###") },
    });
    const main = mainScene(inspection);
    expect(main).toMatchObject({
      viewLayers: ["ViewLayer", "Second layer"],
      views: ["left", "right"],
      samples: 99,
      adaptive: true,
      denoised: true,
    });
    expect(main.untileable.map((reason) => reason.code)).toEqual(["denoising"]);
  });

  test("applies Blender's own flags as Blender does", async () => {
    const flags = { scene: "Ünused", output: "out/f_####", format: "TGA", frameStart: 5, frameEnd: 9, frameStep: 2 };
    await expect(inspectTestScene(scenes, "two.blend", { flags })).rejects.toMatchObject({ code: "SCENE_NO_CAMERA" });
    const { facts } = await inspectTestScene(scenes, "two.blend", { flags: { ...flags, scene: "Scene" }, cwd: scenes.folder });
    expect(facts).toMatchObject({
      scene: "Scene",
      frameStart: 5,
      frameEnd: 9,
      frameStep: 2,
      output: { format: "TARGA", path: scenes.path("out/f_####") },
    });
    const folder = await inspectTestScene(scenes, "plain.blend", { flags: { output: "//out/", format: "FFMPEG" } });
    expect(folder.facts.output).toMatchObject({ isMovie: true, format: "FFMPEG", path: `${scenes.path("out")}/` });
  });

  test("lists the file's scenes when it is asked for an unknown one", async () => {
    const unknown = inspectTestScene(scenes, "two.blend", { flags: { scene: "Nope" } });
    await expect(unknown).rejects.toMatchObject({
      code: "SCENE_UNKNOWN",
      message: 'the file has no scene "Nope"; it has "Scene", "Ünused"',
    });
    for (const format of ["png", "MPEG"]) {
      await expect(inspectTestScene(scenes, "plain.blend", { flags: { format } })).rejects.toMatchObject({ code: "USAGE" });
    }
  });

  test("reports a missing camera only when Blender would", async () => {
    await expect(inspectTestScene(scenes, "blind.blend")).rejects.toMatchObject({ code: "SCENE_NO_CAMERA" });
    expect((await inspectTestScene(scenes, "marker.blend", { frames: [6] })).facts.scene).toBe("Scene");
  });

  test("refuses frames that Blender does not have", async () => {
    await expect(inspectTestScene(scenes, "plain.blend", { frames: [1.5] })).rejects.toMatchObject({ code: "FRAMES_INVALID" });
    await expect(inspectTestScene(scenes, "plain.blend", { frames: [2_000_000] })).rejects.toMatchObject({ code: "FRAMES_INVALID" });
  });
});

describe("bad files", () => {
  test("compressed scenes are accepted", async () => {
    await writeFile(scenes.path("gzip.blend"), gzipSync(await readFile(scenes.path("plain.blend"))));
    expect((await checkBlendFile(scenes.path("gzip.blend"))).compression).toBe("gzip");
    expect((await checkBlendFile(scenes.path("zstd.blend"))).compression).toBe("zstd");
    for (const name of ["gzip.blend", "zstd.blend"]) expect(mainScene(await inspectTestScene(scenes, name)).width).toBe(64);
  });

  test.each(["plain.blend", "zstd.blend"])("a truncated %s is unreadable", async (name) => {
    const bytes = await readFile(scenes.path(name));
    await writeFile(scenes.path("cut.blend"), bytes.subarray(0, bytes.length / 3));
    await expect(inspectTestScene(scenes, "cut.blend")).rejects.toMatchObject({ code: "SCENE_UNREADABLE" });
  });

  test("a scene of a newer Blender is too new, before a Blender starts", async () => {
    const bytes = await readFile(scenes.path("plain.blend"));
    const isNewHeader = bytes.toString("latin1", 7, 9) === "17";
    bytes.write(isNewHeader ? "v9999" : "v999", isNewHeader ? 12 : 8);
    await writeFile(scenes.path("newer.blend"), bytes);
    await expect(inspectTestScene(scenes, "newer.blend")).rejects.toMatchObject({ code: "SCENE_TOO_NEW" });
  });

  test("a file that is no scene is rejected before a Blender starts", async () => {
    await mkdir(scenes.path("folder.blend"));
    await scenes.file("empty.blend", "");
    await scenes.file("text.blend", "hello");
    await expect(inspectTestScene(scenes, "folder.blend")).rejects.toMatchObject({ code: "SCENE_NOT_A_FILE" });
    await expect(inspectTestScene(scenes, "empty.blend")).rejects.toMatchObject({ code: "SCENE_EMPTY" });
    await expect(inspectTestScene(scenes, "text.blend")).rejects.toMatchObject({ code: "SCENE_NOT_BLEND" });
    await expect(inspectTestScene(scenes, "absent.blend")).rejects.toMatchObject({ code: "SCENE_NOT_FOUND" });
  });
});

import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectTestScene, mainScene, type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";

/** [x, y, percentage, border left, right, bottom, top] */
const CASES = [
  [333, 187, 75, undefined],
  [101, 57, 33, undefined],
  [333, 187, 75, [0.1, 0.9, 0.2, 0.8]],
  [100, 100, 100, [0.3, 0.7, 0.29, 0.57]],
  [97, 61, 100, [1 / 3, 2 / 3, 0.001, 0.999]],
  [480, 270, 50, [0.123456, 0.654321, 0.7, 1]],
  [71, 53, 87, [0.0140845, 0.4507, 0.509, 0.53]],
  [1000, 40, 10, [0.57, 0.58, 0, 1]],
] as const;

let scenes: TestScenes;
beforeAll(async () => {
  scenes = await testScenes();
  await scenes.python(`
scene.cycles.samples = 1
render = scene.render
render.dither_intensity = 0
for number, (x, y, percentage, border) in enumerate(${JSON.stringify(CASES).replaceAll("null", "None")}):
    render.resolution_x, render.resolution_y, render.resolution_percentage = x, y, percentage
    render.use_border = render.use_crop_to_border = border is not None
    if border:
        render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = border
    render.filepath = os.path.join(here, f"picture{number}")
    save(f"size{number}.blend")
    bpy.ops.render.render(write_still=True)
    if border:
        # the picture's place in the frame: what is not rendered stays transparent black
        render.use_crop_to_border = False
        render.filepath = os.path.join(here, f"place{number}")
        bpy.ops.render.render(write_still=True)
render.border_min_y, render.border_max_y = 0.501, 0.502
save("hollow.blend")
`);
});
afterAll(async () => await scenes[Symbol.asyncDispose]());

function sizeOf(path: string): string {
  return / (\d+ x +\d+),/.exec(execFileSync("oiiotool", ["--info", path], { encoding: "utf8" }))?.[1]?.replaceAll(" ", "") ?? "";
}

const numbered = CASES.map(([x, y, percentage, border], number) => ({ number, x, y, percentage, border }));

describe("sizes equal Blender's own", () => {
  test.each(numbered.filter((each) => each.border === undefined))("the frame, $x x $y at $percentage %", async ({ number }) => {
    const main = mainScene(await inspectTestScene(scenes, `size${number}.blend`));
    expect(sizeOf(scenes.path(`picture${number}.png`))).toBe(`${main.width}x${main.height}`);
    expect(main.region).toEqual({ x: 0, y: 0, width: main.width, height: main.height });
    expect(main.cropped).toBe(false);
  });

  test.each(numbered.filter((each) => each.border))("the border, $border of $x x $y at $percentage %", async ({ number }) => {
    const main = mainScene(await inspectTestScene(scenes, `size${number}.blend`));
    expect(sizeOf(scenes.path(`picture${number}.png`))).toBe(`${main.region.width}x${main.region.height}`);
    expect(sizeOf(scenes.path(`place${number}.png`))).toBe(`${main.width}x${main.height}`);
    expect(renderedPart(scenes.path(`place${number}.png`), main.height)).toEqual(main.region);
    expect(main.cropped).toBe(true);
  });

  test("a border that holds no pixel is refused, as Blender does", async () => {
    await expect(inspectTestScene(scenes, "hollow.blend")).rejects.toMatchObject({ code: "BLENDER_RENDER_FAILED" });
  });
});

/** The rectangle of opaque pixels, y up. */
function renderedPart(path: string, height: number) {
  const trimmed = path.replace(".png", ".exr");
  execFileSync("oiiotool", [path, "--trim", "-o", trimmed]);
  const info = execFileSync("oiiotool", ["--info", "-v", trimmed], { encoding: "utf8" });
  const [, width, rows] = / (\d+) x +(\d+),/.exec(info) ?? [];
  const [, x, top] = /pixel data origin: x=(\d+), y=(\d+)/.exec(info) ?? [undefined, "0", "0"];
  return { x: Number(x), y: height - Number(top) - Number(rows), width: Number(width), height: Number(rows) };
}

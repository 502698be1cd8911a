import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import type { Rect } from "../core/job/scene-facts.ts";
import { createAssembled } from "./assembled.ts";
import { checkFloatResult } from "./check.ts";
import { compareFloats } from "./compare.ts";
import { scratchFolder } from "./fixtures/scratch.ts";
import { pasteResult } from "./paste.ts";

const scratch = scratchFolder();
const script = fileURLToPath(new URL("fixtures/render_exr.py", import.meta.url));
const size = { width: 64, height: 48, maxBytes: 4e6 };
const at = (name: string) => join(scratch.path, `${name}.exr`);

/** A frame and its four tiles as written by one Blender; `unit` scales the fixture script's rectangles. */
interface Pictures {
  readonly folder: string;
  readonly unit: number;
}
const installed: Pictures = { folder: scratch.path, unit: 4 };
const newest: Pictures = { folder: fileURLToPath(new URL("fixtures/blender-5.2", import.meta.url)), unit: 1 };

function rectOf(name: "full" | "sw" | "se" | "nw" | "ne", unit: number): Rect {
  const [x, y, width, height] = { full: [0, 0, 16, 12], sw: [0, 0, 10, 5], se: [10, 0, 6, 5], nw: [0, 5, 10, 7], ne: [10, 5, 6, 7] }[
    name
  ] as [number, number, number, number];
  return { x: x * unit, y: y * unit, width: width * unit, height: height * unit };
}
const tiles = ["ne", "sw", "nw", "se"] as const;
const rect = rectOf("ne", 4);

beforeAll(() => {
  mkdirSync(join(scratch.path, "stereo"));
  const run = (...args: string[]) =>
    execFileSync("blender", ["-b", "--factory-startup", "--python-exit-code", "1", "-P", script, "--", ...args], { stdio: "ignore" });
  run(scratch.path);
  run(join(scratch.path, "stereo"), "stereo");
});

function assemble({ folder, unit }: Pictures, name: string): string {
  const region = rectOf("full", unit);
  const { channels, attributes } = checkFloatResult(join(folder, "full.exr"), { ...region, maxBytes: 4e6 });
  const target = { path: join(scratch.path, name), width: region.width, height: region.height, channels, attributes };
  createAssembled(target);
  for (const tile of tiles) {
    const resultRect = rectOf(tile, unit);
    const resultPath = join(folder, `${tile}.exr`);
    expect(checkFloatResult(resultPath, { ...resultRect, maxBytes: 4e6, channels }).nonFinite).toBe(0);
    pasteResult({ resultPath, target, resultRect, tileRect: resultRect, region });
  }
  return target.path;
}

describe("Blender's own multilayer files", () => {
  test("pass the structural gate with all channels and Cycles' string attributes", () => {
    const { channels, attributes, nonFinite } = checkFloatResult(at("full"), size);
    expect(channels).toHaveLength(31);
    expect(channels).toContain("ViewLayer.CryptoObject00.r");
    expect(channels).toContain("Second.Combined.A");
    expect(Object.keys(attributes).filter((name) => name.startsWith("cryptomatte/"))).toHaveLength(4);
    expect(attributes["cycles.ViewLayer.samples"]).toBe("4");
    expect(nonFinite).toBe(0);
  });

  test.each([
    ["in one part (the installed Blender)", at("stereo/full"), 64, 48],
    ["in 18 parts (5.2)", join(newest.folder, "stereo.exr"), 16, 12],
  ])("of stereo scenes (%s) name the view before the channel", (_claim, path, width, height) => {
    const { channels, attributes } = checkFloatResult(path, { width, height, maxBytes: 4e6 });
    expect(channels).toHaveLength(62);
    for (const name of ["ViewLayer.Combined.left.R", "ViewLayer.Depth.right.Z", "Second.Combined.right.A"])
      expect(channels).toContain(name);
    expect(attributes["cryptomatte/542cafa/manifest"]).toContain("Cube");
  });

  test.each([
    ["the installed Blender", installed],
    ["Blender 5.2, in nine parts each,", newest],
  ])("of %s in four tiles assemble to the same frame bit for bit in every channel", (_claim, pictures) => {
    const path = assemble(pictures, "assembled.exr");
    const region = rectOf("full", pictures.unit);
    const reference = { path: join(pictures.folder, "full.exr"), rect: region };
    const difference = compareFloats({ result: { path, rect: region }, reference, rect: region });
    expect(difference).toMatchObject({ differingPixels: 0, pixels: region.width * region.height, maxDifference: 0 });
    expect(checkFloatResult(path, { ...region, maxBytes: 4e6 }).attributes).toEqual(
      checkFloatResult(reference.path, { ...region, maxBytes: 4e6 }).attributes,
    );
    expect(execFileSync("oiiotool", ["--info", "-v", path], { encoding: "utf8" })).toContain("31 channel, float");
    rmSync(path);
  });

  test("assembled from tiles are equal to the frame for OpenImageIO too", () => {
    const path = assemble(installed, "for-oiio.exr");
    expect(execFileSync("idiff", ["-fail", "0", "-warn", "0", path, at("full")], { encoding: "utf8" })).toContain("PASS");
  });

  test("shifted by one pixel are found different", () => {
    const shifted = { path: at("ne"), rect: { ...rect, x: rect.x - 1 } };
    const reference = { path: at("full"), rect: rectOf("full", 4) };
    const { differingPixels } = compareFloats({ result: shifted, reference, rect: { ...rect, width: rect.width - 1 } });
    expect(differingPixels).toBeGreaterThan(20);
  });
});

describe("files that OpenImageIO writes from them", () => {
  const convert = (name: string, ...args: string[]) => {
    const path = join(scratch.path, name);
    execFileSync("oiiotool", [...args, "-o", path]);
    return path;
  };

  test.each(["none", "zips", "zip"])("compressed as %s hold the same floats", (compression) => {
    const path = convert(`${compression}.exr`, at("ne"), "--compression", compression);
    expect(compareFloats({ result: { path, rect }, reference: { path: at("ne"), rect }, rect }).differingPixels).toBe(0);
  });

  test("in half floats are read as OpenImageIO converts them to floats", () => {
    const half = convert("half.exr", at("ne"), "-d", "half", "--compression", "zip");
    const back = convert("back.exr", half, "-d", "float");
    expect(checkFloatResult(half, { width: rect.width, height: rect.height, maxBytes: 4e6 }).channels).toHaveLength(31);
    expect(compareFloats({ result: { path: half, rect }, reference: { path: back, rect }, rect })).toMatchObject({
      differingPixels: 0,
      maxDifference: 0,
    });
    expect(compareFloats({ result: { path: half, rect }, reference: { path: at("ne"), rect }, rect }).differingPixels).toBeGreaterThan(0);
  });

  test("in several parts hold the same floats", () => {
    const layers = ["ViewLayer.Combined.R,ViewLayer.Combined.G", "ViewLayer.Depth.Z", "Second.Combined.A"];
    const parts = layers.flatMap((channels, index) => [
      at("ne"),
      "--ch",
      channels,
      "--attrib",
      "oiio:subimagename",
      `part ${index}`,
      ...(index > 0 ? ["--siappend"] : []),
    ]);
    const path = convert("parts.exr", ...parts);
    const single = convert("single.exr", at("ne"), "--ch", layers.join(","));
    expect(readFileSync(path).readUInt32LE(4) & 0x1000).toBe(0x1000);
    expect(compareFloats({ result: { path, rect }, reference: { path: single, rect }, rect }).differingPixels).toBe(0);
  });

  test.each([
    ["piz", "--compression", "piz"],
    ["dwaa", "--compression", "dwaa"],
    ["pxr24", "--compression", "pxr24"],
    ["tiled", "--tile", "16", "16"],
    ["of integers", "-d", "uint32"],
    ["with an offset window", "--origin", "+3+2"],
    ["with a display window larger than the data window", "--fullsize", "90x90+0+0"],
  ])("%s are refused", (name, ...args) => {
    const path = convert(`refused-${name.replaceAll(" ", "-")}.exr`, at("ne"), ...args);
    expect(statSync(path).size).toBeGreaterThan(500);
    expect(() => checkFloatResult(path, { width: 24, height: 28, maxBytes: 4e6 })).toThrow(
      expect.objectContaining({ code: "EXR_INVALID" }),
    );
    rmSync(path);
  });
});

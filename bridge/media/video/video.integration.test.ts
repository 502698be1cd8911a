import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { isFarmError } from "../../kernel/errors.ts";
import { findFfmpeg } from "./find-ffmpeg.ts";
import { float, makeExr } from "../fixtures/make-exr.ts";
import { scratchFolder } from "../fixtures/scratch.ts";
import { encodeVideo } from "./video.ts";

const scratch = scratchFolder();
const signal = new AbortController().signal;
const ntsc = { numerator: 30_000, denominator: 1001 };
const out = (name: string) => join(scratch.path, name);
let frames: string[] = [];

/** What ffprobe reports of the only video stream. */
function probe(path: string): Record<string, string> {
  const fields = "codec_name,profile,pix_fmt,width,height,r_frame_rate,nb_read_frames,color_space";
  const text = execFileSync(
    "ffprobe",
    ["-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", `stream=${fields}`, "-of", "default=nw=1", path],
    { encoding: "utf8" },
  );
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => line.split("=", 2) as [string, string]),
  );
}

/** The displayed colour in the middle of a frame. */
function colour(path: string, frame: number): number[] {
  const middle = ["-vf", `select=eq(n\\,${frame}),crop=2:2,scale=1:1:in_color_matrix=bt709,format=rgb24`, "-frames:v", "1"];
  return [...execFileSync("ffmpeg", ["-v", "error", "-i", path, ...middle, "-f", "rawvideo", "-"])];
}

function near(found: number[], wanted: number[], tolerance = 6): boolean {
  return found.length === wanted.length && found.every((value, at) => Math.abs(value - wanted[at]!) <= tolerance);
}

const png = async (name: string, background: { r: number; g: number; b: number; alpha?: number }) => {
  const path = out(name);
  await sharp({
    create: { width: 63, height: 47, channels: background.alpha === undefined ? 3 : 4, background: { alpha: 1, ...background } },
  })
    .png()
    .toFile(path);
  return path;
};

beforeAll(async () => {
  mkdirSync(out("Würfel 立方体's %04d"));
  const names = ["b_0007.png", "a_0100.png", "кадр'ы.png", "c_-3.png", "d.png", "e.png"];
  frames = await Promise.all(names.map((name, at) => png(join("Würfel 立方体's %04d", name), { r: at * 40, g: 120, b: 255 - at * 40 })));
});

describe("a video", () => {
  test.each([
    [".mp4", { codec_name: "h264", pix_fmt: "yuv420p" }],
    [".mkv", { codec_name: "h264", pix_fmt: "yuv420p" }],
    [".webm", { codec_name: expect.stringMatching(/^(vp9|av1)$/), pix_fmt: "yuv420p" }],
    [".mov", { codec_name: "prores", profile: "HQ", pix_fmt: "yuv422p10le" }],
    [".MOV", { codec_name: "prores" }],
  ])("in %s has every frame in order, the exact frame rate, even width and height, and correct colours", async (extension, wanted) => {
    const path = out(`ntsc${extension}`);
    await encodeVideo({ ffmpeg: "ffmpeg", frames, fps: ntsc, out: path }, signal);
    expect(probe(path)).toMatchObject({
      ...wanted,
      width: "64",
      height: "48",
      r_frame_rate: "30000/1001",
      nb_read_frames: "6",
      color_space: "bt709",
    });
    for (const [at] of frames.entries())
      expect([at, colour(path, at), near(colour(path, at), [at * 40, 120, 255 - at * 40])]).toEqual([at, expect.anything(), true]);
    expect(readdirSync(scratch.path).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test.each([
    { numerator: 24, denominator: 1 },
    { numerator: 25, denominator: 2 },
    { numerator: 60_000, denominator: 1001 },
  ])("keeps %o frames a second", async (fps) => {
    await encodeVideo({ ffmpeg: "ffmpeg", frames, fps, out: out("rate.mp4") }, signal);
    expect(probe(out("rate.mp4"))["r_frame_rate"]).toBe(`${fps.numerator}/${fps.denominator}`);
  });

  test("of transparent frames keeps alpha in ProRes and is composed over black in other formats", async () => {
    const glass = await png("glass.png", { r: 255, g: 255, b: 255, alpha: 0.5 });
    await encodeVideo({ ffmpeg: "ffmpeg", frames: [glass, glass], fps: ntsc, out: out("glass.mov") }, signal);
    expect(probe(out("glass.mov"))["pix_fmt"]).toMatch(/^yuva444p1/);
    await encodeVideo({ ffmpeg: "ffmpeg", frames: [glass, glass], fps: ntsc, out: out("glass.mp4") }, signal);
    expect(near(colour(out("glass.mp4"), 0), [128, 128, 128])).toBe(true);
  });

  test("starts with its index, so that it can be streamed", async () => {
    await encodeVideo({ ffmpeg: "ffmpeg", frames, fps: ntsc, out: out("fast.mp4") }, signal);
    const bytes = readFileSync(out("fast.mp4"));
    expect(bytes.indexOf("moov")).toBeGreaterThan(0);
    expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
  });

  test("of EXR frames (plain, multilayer, multi-part) is converted to sRGB", async () => {
    const grey = (names: string[]) =>
      makeExr({ width: 64, height: 48, parts: [{ channels: names.map((name) => ({ name })) }], bits: () => float(0.2140411) });
    for (const [at, names] of [
      ["B", "G", "R"],
      ["L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R", "L.Depth.Z"],
    ].entries()) {
      const frame = scratch.put(`grey-${at}.exr`, grey(names));
      await encodeVideo({ ffmpeg: "ffmpeg", frames: [frame, frame], fps: ntsc, out: out("exr.mp4") }, signal);
      expect([colour(out("exr.mp4"), 1), near(colour(out("exr.mp4"), 1), [127, 127, 127])]).toEqual([expect.anything(), true]);
    }
    copyFileSync(fileURLToPath(new URL("../fixtures/blender-5.2/stereo.exr", import.meta.url)), out("5.2.exr"));
    await encodeVideo({ ffmpeg: "ffmpeg", frames: [out("5.2.exr")], fps: ntsc, out: out("5.2.mp4") }, signal);
    expect(probe(out("5.2.mp4"))).toMatchObject({ width: "16", height: "12", nb_read_frames: "1" });
  });
});

describe("encoding a video fails", () => {
  const request = () => ({ ffmpeg: "ffmpeg", frames, fps: ntsc, out: out("refused.mp4") });

  test.each<[string, () => object, string]>([
    ["with another extension", () => ({ out: out("x.avi") }), "VIDEO_UNSUPPORTED"],
    ["without frames", () => ({ frames: [] }), "VIDEO_FAILED"],
    ["of frames of several kinds", () => ({ frames: [frames[0], "/x/y.exr"] }), "VIDEO_FAILED"],
    ["when a frame is missing", () => ({ frames: [frames[0], out("absent.png")] }), "VIDEO_FAILED"],
    ["when a frame is broken", () => ({ frames: [scratch.put("broken.png", "no picture")] }), "VIDEO_FAILED"],
    ["when a file is where its folder should be", () => ({ out: join(scratch.put("file", ""), "x.mp4") }), "OUTPUT_NOT_WRITABLE"],
    ["when a folder has its name", () => ({ out: mkdirSync(out("folder.mp4/in"), { recursive: true }) }), "OUTPUT_NOT_WRITABLE"],
    ["when there is no such ffmpeg", () => ({ ffmpeg: out("absent-ffmpeg") }), "FFMPEG_NOT_FOUND"],
  ])("%s", async (_claim, change, code) => {
    await expect(encodeVideo({ ...request(), ...change() }, signal)).rejects.toMatchObject({ code });
    expect(existsSync(out("refused.mp4"))).toBe(false);
    expect(readdirSync(scratch.path).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("with the last lines of ffmpeg's output", async () => {
    const failure = await encodeVideo({ ...request(), frames: [scratch.put("bad.png", "no picture")] }, signal).catch(
      (error: unknown) => error,
    );
    expect(isFarmError(failure, "VIDEO_FAILED") && (failure.facts["log"] as string[]).length).toBeGreaterThan(0);
  });

  test("when it is cancelled, and leaves no files", async () => {
    const caller = new AbortController();
    const many = Array.from({ length: 2000 }, () => frames[0]!);
    const job = encodeVideo({ ...request(), frames: many, out: out("cancelled.webm") }, caller.signal);
    setTimeout(() => caller.abort(new Error("enough")), 700);
    await expect(job).rejects.toThrow("enough");
    expect(readdirSync(scratch.path).filter((name) => name.includes("cancelled"))).toEqual([]);
  });
});

describe("ffmpeg", () => {
  test("is found on the PATH", async () => {
    expect(await findFfmpeg(signal, { PATH: process.env["PATH"] })).toMatchObject({
      version: expect.stringMatching(/^\S+$/),
      from: expect.stringMatching(/PATH|static/),
    });
  });

  test("is what FFMPEG_PATH names, and nothing else when that does not run", async () => {
    expect(await findFfmpeg(signal, { PATH: "", FFMPEG_PATH: "/usr/bin/ffmpeg" })).toMatchObject({
      path: "/usr/bin/ffmpeg",
      from: "FFMPEG_PATH",
    });
    await expect(findFfmpeg(signal, { PATH: process.env["PATH"], FFMPEG_PATH: out("absent") })).rejects.toMatchObject({
      code: "FFMPEG_NOT_FOUND",
    });
  });

  test("has an error code when it is missing", async () => {
    const found = await findFfmpeg(signal, { PATH: scratch.path }).catch((error: unknown) => error);
    expect(isFarmError(found, "FFMPEG_NOT_FOUND") || (found as { from: string }).from === "ffmpeg-static").toBe(true);
  });
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comparePictures } from "./same-picture.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "same-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let count = 0;
async function twoFolders(fill: (folder: string, second: boolean) => Promise<void>): Promise<[string, string]> {
  const [a, b] = [join(root, `a${count}`), join(root, `b${count++}`)];
  for (const [index, folder] of [a, b].entries()) {
    await execa("mkdir", ["-p", folder]);

    await fill(folder, index === 1);
  }
  return [a, b];
}

async function png16(path: string, changed: boolean): Promise<void> {
  const pixels = new Uint16Array(8 * 8 * 3).fill(1000);
  if (changed) pixels[77] = 1001;
  await sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } })
    .toColourspace("rgb16")
    .png()
    .toFile(path);
}

describe("comparePictures", () => {
  it("finds folders equal whose files differ only in dates", async () => {
    const [a, b] = await twoFolders(async (folder, second) => {
      await execa("oiiotool", [
        "--pattern",
        "noise",
        "8x8",
        "3",
        "--attrib",
        "DateTime",
        second ? "2020:01:01 00:00:00" : "2021:01:01 00:00:00",
        "-d",
        "float",
        "-o",
        join(folder, "x.exr"),
      ]);
      await png16(join(folder, "x.png"), false);
    });
    expect(await comparePictures(a, b)).toEqual([]);
  });

  it("finds one value that is off by 1/65535", async () => {
    const [a, b] = await twoFolders((folder, second) => png16(join(folder, "x.png"), second));
    expect(await comparePictures(a, b)).toMatchObject([{ file: "x.png" }]);
  });

  it("finds a float that is off in one channel, and a different attribute", async () => {
    const [a, b] = await twoFolders(async (folder, second) => {
      const change = second ? ["--addc", "0,0,1e-7", "--attrib", "cryptomatte/a/name", "other"] : ["--attrib", "cryptomatte/a/name", "one"];
      await execa("oiiotool", ["--create", "8x8", "3", ...change, "-d", "float", "-o", join(folder, "x.exr")]);
    });
    const found = await comparePictures(a, b);
    expect(found.some(({ what }) => what.startsWith("pixels"))).toBe(true);
    expect(found.some(({ what }) => what.includes("cryptomatte"))).toBe(true);
  });

  it("finds a missing and a truncated file", async () => {
    const [a, b] = await twoFolders(async (folder, second) => {
      await png16(join(folder, "x.png"), false);
      if (!second) await png16(join(folder, "only.png"), false);
      if (second) await writeFile(join(folder, "x.png"), "cut");
    });
    expect((await comparePictures(a, b)).map(({ file }) => file).toSorted()).toEqual(["only.png", "x.png"]);
  });

  it("compares movies by their frames and rate", async () => {
    const movie = (path: string, rate: string) =>
      execa("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", `testsrc=size=32x32:rate=${rate}:duration=0.5`, "-y", path]);
    const [a, b] = await twoFolders(async (folder, second) => {
      await movie(join(folder, "same.mkv"), "10");
      await movie(join(folder, "rate.mkv"), second ? "20" : "10");
    });
    expect(await comparePictures(a, b)).toEqual([{ file: "rate.mkv", what: "movie frames differ" }]);
  });
});

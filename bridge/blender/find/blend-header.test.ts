import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkBlendFile, isNewerFile } from "./blend-header.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blend-header-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function check(bytes: Uint8Array | string) {
  const path = join(folder, "scene.blend");
  await writeFile(path, bytes);
  return await checkBlendFile(path);
}

const padded = (header: string) => Buffer.concat([Buffer.from(header), Buffer.alloc(600_000, header)]);

describe("checkBlendFile", () => {
  test.each([
    ["BLENDER-v276REND", "2.76"],
    ["BLENDER_v280REND", "2.80"],
    ["BLENDER-V249REND", "2.49"],
    ["BLENDER-v304REND", "3.4"],
    ["BLENDER-v405REND", "4.5"],
    ["BLENDER17-01v0500REND", "5.0"],
    ["BLENDER17-01v0502REND", "5.2"],
  ])("reads the header %s", async (header, fileVersion) => {
    expect(await check(padded(header))).toEqual({ fileVersion, compression: "none" });
    expect(await check(gzipSync(padded(header)))).toEqual({ fileVersion, compression: "gzip" });
    expect(await check(zstdCompressSync(padded(header)))).toEqual({ fileVersion, compression: "zstd" });
  });

  test.each([
    ["text", "not a scene at all"],
    ["a short text", "BL"],
    ["a text that begins like a scene", "BLENDER is my favourite program"],
    ["gzip of a text", gzipSync("not a scene at all")],
    ["zstd of a text", zstdCompressSync(Buffer.from("not a scene at all"))],
    ["gzip of nothing", gzipSync("")],
    ["a broken gzip", Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9])],
    ["a broken zstd", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 255, 255, 255, 255])],
    ["a gzip cut off after its magic", Buffer.from([0x1f, 0x8b])],
  ])("rejects %s as no scene", async (_, bytes) => {
    await expect(check(bytes)).rejects.toMatchObject({ code: "SCENE_NOT_BLEND" });
  });

  test("names the kind of a path that is no readable file", async () => {
    await expect(check("")).rejects.toMatchObject({ code: "SCENE_EMPTY" });
    await mkdir(join(folder, "folder.blend"));
    await expect(checkBlendFile(join(folder, "folder.blend"))).rejects.toThrow(/folder\.blend is a folder, not a file$/);
    await expect(checkBlendFile(join(folder, "nowhere.blend"))).rejects.toMatchObject({ code: "SCENE_NOT_FOUND" });
    await expect(checkBlendFile(join(folder, "scene.blend", "inside.blend"))).rejects.toMatchObject({ code: "SCENE_NOT_FOUND" });
    await expect(checkBlendFile("/dev/null")).rejects.toMatchObject({
      code: "SCENE_NOT_A_FILE",
      message: "/dev/null is a device, not a file",
      advice: expect.not.stringContaining("folder"),
    });
  });
});

describe("isNewerFile", () => {
  test.each([
    ["3.4", "3.4.1", false],
    ["2.93", "3.4.1", false],
    ["3.5", "3.4.1", true],
    ["4.0", "3.6.9", true],
    ["4.5", "5.2.2", false],
    ["5.10", "5.2.2", true],
  ])("a file of %s for Blender %s: %s", (file, blender, newer) => {
    expect(isNewerFile(file, blender)).toBe(newer);
  });
});

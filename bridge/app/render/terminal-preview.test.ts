import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { terminalPicture } from "./terminal-preview.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "picture-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

it("keeps a picture's aspect ratio, two pixels per character, in its own colours", async () => {
  const path = join(folder, "p.png");
  const background = { r: 200, g: 10, b: 30 };
  await sharp({ create: { width: 128, height: 64, channels: 3, background } })
    .png()
    .toFile(path);
  const lines = await terminalPicture(path, { columns: 48, rows: 12 });
  expect(lines.map((line) => stripVTControlCharacters(line))).toEqual(Array.from({ length: 12 }, () => "▀".repeat(48)));
  expect(lines[0]).toContain("\u001b[38;2;200;10;30m\u001b[48;2;200;10;30m▀");
});

it("rejects a file that is no picture", async () => {
  await writeFile(join(folder, "x.jpg"), "not a picture");
  await expect(terminalPicture(join(folder, "x.jpg"), { columns: 8, rows: 4 })).rejects.toMatchObject({ code: "RESULT_INVALID" });
});

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { attribute, int32, makeExr, type MadeExr } from "./fixtures/make-exr.ts";
import { scratchFolder } from "./fixtures/scratch.ts";
import { type Media, openMedia } from "./worker/media-pool.ts";
import { samePicture } from "./same-picture.ts";
import { timeLimit } from "../test/time/time-limit.ts";

const scratch = scratchFolder();
const script = fileURLToPath(new URL("fixtures/same_pictures.py", import.meta.url));
const ONE = join(scratch.path, "one");
const TWO = join(scratch.path, "two-with-a-longer-name");
const THREE = join(scratch.path, "three");

describe("comparing pictures that Blender wrote", () => {
  let names: readonly string[] = [];
  beforeAll(() => {
    const blender = process.env["BLENDER_PATH"] ?? "blender";
    execFileSync(blender, ["-b", "--factory-startup", "-P", script, "--python-exit-code", "1", "--", scratch.path], {
      timeout: timeLimit(120_000),
    });
    names = readdirSync(ONE);
  });

  test("covers every format, most with metadata", () => {
    const kinds = new Set(names.map((name) => name.split("-")[0]));
    for (const kind of ["PNG", "JPEG", "OPEN_EXR", "OPEN_EXR_MULTILAYER", "TIFF", "BMP", "TARGA", "HDR", "DPX", "JPEG2000"])
      expect(kinds).toContain(kind);
    const written = names.filter((name) => !readFileSync(join(ONE, name)).equals(readFileSync(join(TWO, name))));
    for (const kind of ["PNG", "JPEG", "OPEN_EXR", "OPEN_EXR_MULTILAYER", "DPX"])
      expect(
        written.some((name) => name.startsWith(`${kind}-`)),
        kind,
      ).toBe(true);
  });

  test("finds them equal whatever their metadata", async () => {
    for (const name of names) expect([name, await samePicture(join(ONE, name), join(TWO, name))]).toEqual([name, true]);
  });

  test("finds them different when one pixel differs", async () => {
    for (const name of names) expect([name, await samePicture(join(ONE, name), join(THREE, name))]).toEqual([name, false]);
  });

  test("finds them different when truncated, or of another format", async () => {
    for (const name of names) {
      const bytes = readFileSync(join(ONE, name));
      const cut = scratch.put("cut", bytes.subarray(0, bytes.length - 40));
      expect([name, await samePicture(join(ONE, name), cut)]).toEqual([name, false]);
      expect([name, await samePicture(join(ONE, name), scratch.put("empty", ""))]).toEqual([name, false]);
    }
    expect(await samePicture(join(ONE, "PNG-8.png"), join(ONE, "BMP-8.bmp"))).toBe(false);
  });

  test("runs on the media threads", async () => {
    await using media: Media = openMedia();
    const { signal } = new AbortController();
    expect(await media.samePicture(join(ONE, "TIFF-16.tif"), join(TWO, "TIFF-16.tif"), signal)).toBe(true);
    expect(await media.samePicture(join(ONE, "JPEG-8.jpg"), join(THREE, "JPEG-8.jpg"), signal)).toBe(false);
  });

  for (const depth of ["8", "16"]) {
    test(`finds ${depth}-bit TIFFs equal when only their compression differs, and different by one step of a value`, async () => {
      const ours = join(ONE, `TIFF-${depth}.tif`);
      const packed = await repackTiff(ours, depth, "packed.tif");
      expect(readFileSync(packed).equals(readFileSync(ours))).toBe(false);
      expect(await samePicture(ours, packed)).toBe(true);
      expect(await samePicture(ours, await repackTiff(join(THREE, `TIFF-${depth}.tif`), depth, "other.tif"))).toBe(false);
    });
  }

  test("finds PNGs equal when only their compression differs", async () => {
    const ours = join(ONE, "PNG-16.png");
    const repacked = scratch.put(
      "repacked.png",
      mapData(readFileSync(ours), (data) => deflateSync(inflateSync(data), { level: 0 })),
    );
    expect(await samePicture(ours, repacked)).toBe(true);
    const other = mapData(readFileSync(join(THREE, "PNG-16.png")), (data) => deflateSync(inflateSync(data), { level: 0 }));
    expect(await samePicture(ours, scratch.put("other.png", other))).toBe(false);
  });

  test("finds them different when their orientation tags differ", async () => {
    const ours = join(ONE, "JPEG-8.jpg");
    const bytes = readFileSync(ours);
    const exif = Buffer.from("457869660000" + "49492a0008000000" + "0100" + "1201" + "0300" + "01000000" + "06000000" + "00000000", "hex");
    const length = Buffer.alloc(2);
    length.writeUInt16BE(exif.length + 2);
    const turned = scratch.put("turned.jpg", Buffer.concat([bytes.subarray(0, 2), Buffer.of(0xff, 0xe1), length, exif, bytes.subarray(2)]));
    expect(await samePicture(ours, turned)).toBe(false);
  });
});

async function repackTiff(path: string, depth: string, name: string): Promise<string> {
  const to = join(scratch.path, name);
  const picture = sharp(path);
  await (depth === "16" ? picture.toColourspace("rgb16") : picture).tiff({ compression: "none" }).toFile(to);
  return to;
}

/** A PNG with its pixel data changed. */
function mapData(png: Buffer, change: (data: Buffer) => Buffer): Buffer {
  const parts: Buffer[] = [png.subarray(0, 8)];
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const end = at + 12 + png.readUInt32BE(at);
    const name = png.toString("latin1", at + 4, at + 8);
    if (name === "IDAT") data.push(png.subarray(at + 8, end - 4));
    if (name === "IEND") parts.push(pngChunk("IDAT", change(Buffer.concat(data))));
    if (name !== "IDAT") parts.push(png.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function pngChunk(name: string, value: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name), value]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, sum]);
}

describe("a PNG", () => {
  test("is equal whichever filters its rows have", async () => {
    const raw = { width: 9, height: 6, channels: 3 } as const;
    const pixels = Buffer.from(Array.from({ length: 9 * 6 * 3 }, (_, at) => (at * at * 37) % 251));
    const plain = await sharp(pixels, { raw }).png({ adaptiveFiltering: false }).toBuffer();
    const ours = scratch.put("plain.png", plain);
    for (const filter of [1, 2, 3, 4]) {
      const refiltered = mapData(plain, () => deflateSync(filtered(pixels, 27, filter)));
      expect(await samePicture(ours, scratch.put(`filter-${filter}.png`, refiltered))).toBe(true);
    }
    const other = Buffer.from(pixels);
    other[100] = (other[100] ?? 0) ^ 1;
    expect(
      await samePicture(
        ours,
        scratch.put(
          "other.png",
          mapData(plain, () => deflateSync(filtered(other, 27, 4))),
        ),
      ),
    ).toBe(false);
  });
});

/** Rows of three bytes per pixel after one of PNG's filters, written from its specification. */
function filtered(pixels: Buffer, rowBytes: number, filter: number): Buffer {
  const rows: Buffer[] = [];
  for (let row = 0; row * rowBytes < pixels.length; row++) {
    const value = (column: number, up: number) => (column < 0 || row < up ? 0 : (pixels[(row - up) * rowBytes + column] ?? 0));
    const predict = (at: number): number => {
      const [a, b, c] = [value(at - 3, 0), value(at, 1), value(at - 3, 1)];
      if (filter === 1) return a;
      if (filter === 2) return b;
      if (filter === 3) return Math.floor((a + b) / 2);
      const p = a + b - c;
      const best = Math.min(Math.abs(p - a), Math.abs(p - b), Math.abs(p - c));
      return [a, b, c].find((one) => Math.abs(p - one) === best) ?? 0;
    };
    rows.push(Buffer.of(filter), Buffer.from(Array.from({ length: rowBytes }, (_, at) => (value(at, 0) - predict(at)) & 255)));
  }
  return Buffer.concat(rows);
}

describe("an EXR", () => {
  const parts = [{ channels: [{ name: "A" }, { name: "B" }] }];
  const several = [
    { name: "one", channels: [{ name: "A" }] },
    { name: "two", channels: [{ name: "B" }] },
  ];
  const put = (name: string, made: Partial<MadeExr>) =>
    scratch.put(name, makeExr({ width: 20, height: 40, parts, compression: "zip", ...made }));

  for (const [name, made] of Object.entries({
    "one part": {},
    "several parts": { parts: several },
    "rows from the bottom up": { upward: true },
    "no compression": { compression: "none" as const },
  })) {
    test(`of ${name} is equal with other metadata, and different with another value or name`, async () => {
      const ours = put("ours.exr", { ...made, attributes: { File: "/home/me/scene.blend" } });
      expect(
        await samePicture(ours, put("theirs.exr", { ...made, attributes: { File: "/scene.blend", Hostname: "donor", Date: "x" } })),
      ).toBe(true);
      const bits = ({ row, column }: { row: number; column: number }) => (row === 3 && column === 7 ? 1 : row * 100 + column);
      const plain = ({ row, column }: { row: number; column: number }) => row * 100 + column;
      expect(await samePicture(put("plain.exr", { ...made, bits: plain }), put("spot.exr", { ...made, bits }))).toBe(false);
      const renamed = (made.parts ?? parts).map((part) => ({
        ...part,
        channels: part.channels.map((channel) => ({ name: `${channel.name}x` })),
      }));
      expect(await samePicture(ours, put("renamed.exr", { ...made, parts: renamed }))).toBe(false);
    });
  }

  test("is different when a part has another name, or another view", async () => {
    const view = (name: string) => ({ parts: several.map((part) => ({ ...part, view: name })) });
    expect(await samePicture(put("left.exr", view("left")), put("right.exr", view("right")))).toBe(false);
  });

  test("is equal when only the packing of its chunks differs", async () => {
    const made = makeExr({ width: 20, height: 16, parts, compression: "zip" });
    const start = made.length - made.readInt32LE(made.length - lastChunkBytes(made) + 4) - 8;
    const packed = deflateSync(inflateSync(made.subarray(start + 8)), { level: 1, memLevel: 1 });
    const size = int32(packed.length);
    const repacked = Buffer.concat([made.subarray(0, start + 4), size, packed]);
    expect(repacked.equals(made)).toBe(false);
    expect(await samePicture(scratch.put("made.exr", made), scratch.put("repacked.exr", repacked))).toBe(true);
  });

  test("of an unsupported compression is compared as it is stored", async () => {
    const piz = (bytes: Buffer) => {
      const at = bytes.indexOf(attribute("compression", "compression", Buffer.of(0)));
      bytes[at + attribute("compression", "compression", Buffer.of(0)).length - 1] = 4;
      return bytes;
    };
    const made = (name: string) => makeExr({ width: 8, height: 1, parts, attributes: { File: name } });
    const ours = scratch.put("a.exr", piz(made("short")));
    expect(await samePicture(ours, scratch.put("b.exr", piz(made("longer than that"))))).toBe(true);
    const other = piz(made("longer than that"));
    other[other.length - 1] = 77;
    expect(await samePicture(ours, scratch.put("c.exr", other))).toBe(false);
  });
});

/** Bytes of the only chunk, with its header: it is the last one in the file, and its offset is in the table before it. */
function lastChunkBytes(exr: Buffer): number {
  for (let at = exr.length - 8; at > 0; at--) {
    if (exr.readInt32LE(at) === 0 && exr.readInt32LE(at + 4) === exr.length - at - 8) return exr.length - at;
  }
  throw new Error("no chunk");
}

test("an unknown format is equal when its bytes are equal, except dates", async () => {
  const put = (name: string, text: string) => scratch.put(name, text);
  mkdirSync(join(scratch.path, "unknown"));
  const ours = put("unknown/a", "a picture of 2026/11/30 13:50:01 in 00:01.20");
  expect(await samePicture(ours, put("unknown/b", "a picture of 2026/11/29 10:00:00 in 00:02.33"))).toBe(true);
  expect(await samePicture(ours, put("unknown/c", "b picture of 2026/11/29 10:00:00 in 00:02.33"))).toBe(false);
});

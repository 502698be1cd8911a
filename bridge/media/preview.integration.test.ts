import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { scratchFolder } from "./fixtures/scratch.ts";
import { PreviewCanvas } from "./preview.ts";

const scratch = scratchFolder();
const region = { x: 100, y: 100, width: 2000, height: 1000 };

async function flat(name: string, colour: string, size = { width: 40, height: 20 }): Promise<string> {
  const picture = sharp({ create: { ...size, channels: 3, background: colour } });
  return scratch.put(name, await (name.endsWith(".jpg") ? picture.jpeg({ quality: 95 }) : picture.png()).toBuffer());
}

async function colourAt(path: string, x: number, y: number): Promise<readonly number[]> {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  const start = (y * info.width + x) * info.channels;
  return [...data.subarray(start, start + info.channels)];
}

describe("the preview image", () => {
  test("shows each tile at its position, y up, and is empty where none has arrived", async () => {
    const path = join(scratch.path, "placed.png");
    const canvas = new PreviewCanvas({ path, region, writeEveryMs: 0 });
    expect(canvas.size).toEqual({ width: 1280, height: 640 });
    await canvas.add({ path: await flat("red.png", "#ff0000"), rect: { x: 100, y: 100, width: 1000, height: 500 } }); // bottom left
    await canvas.add({ path: await flat("blue.jpg", "#0000ff"), rect: { x: 1100, y: 600, width: 1000, height: 500 } }); // top right
    await canvas.close();
    expect(await sharp(path).metadata()).toMatchObject({ format: "png", width: 1280, height: 640 });
    expect(await colourAt(path, 0, 639)).toEqual([255, 0, 0, 255]);
    expect(await colourAt(path, 639, 320)).toEqual([255, 0, 0, 255]);
    expect(await colourAt(path, 0, 319)).toEqual([0, 0, 0, 0]);
    const [red, , blue] = await colourAt(path, 640, 319);
    expect([red! < 10, blue! > 245]).toEqual([true, true]);
    expect(await colourAt(path, 640, 320)).toEqual([0, 0, 0, 0]);
  });

  test("crops the overscan", async () => {
    const path = join(scratch.path, "overscan.png");
    const small = { x: 0, y: 0, width: 100, height: 100 };
    const canvas = new PreviewCanvas({ path, region: small, writeEveryMs: 0 });
    await canvas.add({
      path: await flat("green.png", "#00ff00"),
      rect: { x: 10, y: 10, width: 50, height: 50 },
      tileRect: { x: 20, y: 20, width: 30, height: 30 },
    });
    await canvas.close();
    expect([await colourAt(path, 19, 99 - 25), await colourAt(path, 20, 99 - 25)]).toEqual([
      [0, 0, 0, 0],
      [0, 255, 0, 255],
    ]);
    expect([await colourAt(path, 49, 99 - 49), await colourAt(path, 50, 99 - 49)]).toEqual([
      [0, 255, 0, 255],
      [0, 0, 0, 0],
    ]);
  });

  test("of neighbouring tiles has no gap at any scale", async () => {
    const path = join(scratch.path, "gapless.png");
    const odd = { x: 0, y: 0, width: 1999, height: 1333 };
    const canvas = new PreviewCanvas({ path, region: odd, maxSide: 333, writeEveryMs: 0 });
    const white = await flat("white.png", "#ffffff");
    for (let x = 0; x < 1999; x += 137)
      for (let y = 0; y < 1333; y += 91)
        await canvas.add({ path: white, rect: { x, y, width: Math.min(137, 1999 - x), height: Math.min(91, 1333 - y) } });
    await canvas.close();
    expect((await sharp(path).stats()).channels.map(({ min }) => min)).toEqual([255, 255, 255, 255]);
  });

  test("is written at a limited rate while tiles arrive, and once more at the end; no partial file is left", async () => {
    const path = join(scratch.path, "often", "..", "often.png");
    const waits: number[] = [];
    let now = 0;
    const clock = {
      now: () => now,
      monotonicMs: () => now,
      sleep: async (ms: number) => void (waits.push(ms), (now += ms), await new Promise((resolve) => setImmediate(resolve))),
    };
    const canvas = new PreviewCanvas({ path, region, writeEveryMs: 400 }, clock);
    const white = await flat("often-tile.png", "#ffffff");
    for (let at = 0; at < 5; at++) await canvas.add({ path: white, rect: { x: 100 + at * 100, y: 100, width: 100, height: 100 } });
    await canvas.close();
    expect(waits.length).toBeLessThan(5);
    expect(waits.every((ms) => ms > 0 && ms <= 400)).toBe(true);
    expect(await colourAt(path, 4 * 64 + 10, 639)).toEqual([255, 255, 255, 255]);
    expect(readdirSync(scratch.path).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("reports at the end when it could not be written", async () => {
    const canvas = new PreviewCanvas({ path: join(scratch.path, "absent", "x.png"), region, writeEveryMs: 0 });
    await canvas.add({ path: await flat("lost.png", "#ffffff"), rect: region });
    await expect(canvas.close()).rejects.toThrow("x.png");
  });

  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  const pngOf = (width: number, height: number) => {
    const size = Buffer.alloc(13);
    size.writeUInt32BE(width, 0);
    size.writeUInt32BE(height, 4);
    size.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk("IHDR", size),
      chunk("IDAT", deflateSync(Buffer.alloc(1_000_000))),
      chunk("IEND", Buffer.alloc(0)),
    ]);
  };

  test.each<[string, () => Buffer | Promise<Buffer>]>([
    ["is no picture", () => Buffer.from("hello")],
    ["is an SVG", () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/passwd"/></svg>')],
    [
      "is a GIF",
      async () =>
        await sharp({ create: { width: 4, height: 4, channels: 3, background: "#fff" } })
          .gif()
          .toBuffer(),
    ],
    ["is a PNG of 30,000 x 30,000 pixels", () => pngOf(30_000, 30_000)],
    [
      "is cut short",
      async () =>
        (
          await sharp({ create: { width: 400, height: 400, channels: 3, background: "#fa3" } })
            .jpeg()
            .toBuffer()
        ).subarray(0, 900),
    ],
    ["has over 4 MiB", () => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(5 * 1024 * 1024)])],
    ["is empty", () => Buffer.alloc(0)],
  ])("refuses a tile that %s, and is unchanged", async (_claim, make) => {
    const path = join(scratch.path, "refused.png");
    const canvas = new PreviewCanvas({ path, region, writeEveryMs: 0 });
    const tile = scratch.put("hostile.jpg", await make());
    await expect(canvas.add({ path: tile, rect: region })).rejects.toMatchObject({ code: "RESULT_INVALID" });
    await canvas.add({ path: await flat("fine.png", "#ffffff"), rect: region });
    await canvas.close();
    expect(statSync(path).size).toBeGreaterThan(100);
  });
});

import { closeSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Rect } from "../core/job/scene-facts.ts";
import { createAssembled } from "./assembled.ts";
import { checkFloatResult } from "./check.ts";
import { compareFloats } from "./compare.ts";
import { distinctBits, makeExr, type MadePart } from "./fixtures/make-exr.ts";
import { scratchFolder } from "./fixtures/scratch.ts";
import { pasteResult } from "./paste.ts";

const scratch = scratchFolder();
const names = ["L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R", "L.Depth.Z", "Zweite Ebene.Würfel.R"];
const onePart: MadePart[] = [{ channels: names.map((name) => ({ name })) }];
const twoParts: MadePart[] = [
  { name: "L.Combined", channels: names.slice(0, 4).map((name) => ({ name })) },
  { name: "rest", channels: names.slice(4).map((name) => ({ name })) },
];
const region: Rect = { x: 100, y: 50, width: 40, height: 30 };
const attributes = { "cryptomatte/542cafa/manifest": '{"Würfel":"a8fce865"}' };
const target = (name: string) => ({ path: join(scratch.path, name), width: 40, height: 30, channels: [...names].reverse(), attributes });

/** The part of a frame that a donor would return for a rectangle, with the frame's values. */
function tile(name: string, rect: Rect, how: { parts?: MadePart[]; compression?: "none" | "zips" | "zip" } = {}): string {
  const parts = how.parts ?? onePart;
  const shift = { column: rect.x - region.x, row: region.y + region.height - rect.y - rect.height };
  const bits = (at: Parameters<typeof distinctBits>[0]) =>
    distinctBits({
      part: 0,
      channel: names.indexOf(parts[at.part]!.channels[at.channel]!.name),
      row: at.row + shift.row,
      column: at.column + shift.column,
    });
  return scratch.put(name, makeExr({ width: rect.width, height: rect.height, parts, bits, compression: how.compression ?? "zip" }));
}

const tiles: Rect[] = [
  { x: 100, y: 50, width: 25, height: 11 },
  { x: 125, y: 50, width: 15, height: 11 },
  { x: 100, y: 61, width: 25, height: 19 },
  { x: 125, y: 61, width: 15, height: 19 },
];
const whole = tile("whole.exr", region);

function difference(path: string, rect: Rect = region): number {
  return compareFloats({ result: { path, rect: region }, reference: { path: whole, rect: region }, rect }).differingPixels;
}

describe("an assembled file", () => {
  test("is a valid picture of zeros from the start, with its string attributes", () => {
    const spec = target("zeros.exr");
    createAssembled(spec);
    const summary = checkFloatResult(spec.path, { width: 40, height: 30, maxBytes: 1e6 });
    expect(summary).toEqual({ channels: names, attributes, nonFinite: 0 });
    expect(statSync(spec.path).size).toBeLessThan(40 * 30 * 6 * 4 + 2_000);
  });

  for (const how of [
    { compression: "none" },
    { compression: "zips" },
    { compression: "zip" },
    { compression: "zip", parts: twoParts },
  ] as const) {
    test(`is the whole frame after four tiles of ${how.compression}${"parts" in how ? ", in several parts," : ""} in any order`, () => {
      const spec = target("four.exr");
      rmSync(spec.path, { force: true });
      createAssembled(spec);
      for (const at of [2, 0, 3, 1]) {
        const rect = tiles[at]!;
        pasteResult({
          resultPath: tile("tile.exr", rect, { ...how, ...("parts" in how ? { parts: [...how.parts] } : {}) } as never),
          target: spec,
          resultRect: rect,
          tileRect: rect,
          region,
        });
      }
      expect(difference(spec.path)).toBe(0);
    });
  }

  test("accepts whole rows and whole frames too", () => {
    const spec = target("rows.exr");
    createAssembled(spec);
    const strip = { x: 100, y: 55, width: 40, height: 7 };
    pasteResult({ resultPath: tile("strip.exr", strip), target: spec, resultRect: strip, tileRect: strip, region });
    expect(difference(spec.path, strip)).toBe(0);
    expect(difference(spec.path)).toBe(40 * 23);
    pasteResult({ resultPath: tile("parts.exr", region, { parts: twoParts }), target: spec, resultRect: region, tileRect: region, region });
    expect(difference(spec.path)).toBe(0);
  });

  test("crops the overscan of a tile", () => {
    const spec = target("overscan.exr");
    createAssembled(spec);
    const tileRect = { x: 110, y: 60, width: 12, height: 9 };
    const resultRect = { x: 106, y: 57, width: 20, height: 16 };
    pasteResult({ resultPath: tile("overscan-tile.exr", resultRect), target: spec, resultRect, tileRect, region });
    expect(difference(spec.path, tileRect)).toBe(0);
    expect(difference(spec.path)).toBe(40 * 30 - 12 * 9);
  });

  test("keeps what was pasted when a job is resumed, whatever its string attributes, and is made anew when its shape differs", () => {
    const spec = target("resumed.exr");
    createAssembled(spec);
    pasteResult({ resultPath: whole, target: spec, resultRect: region, tileRect: region, region });
    createAssembled({ ...spec, attributes: { "cycles.L.render_time": "00:12.00" } });
    expect(difference(spec.path)).toBe(0);
    createAssembled({ ...spec, channels: names.slice(1) });
    expect(checkFloatResult(spec.path, { width: 40, height: 30, maxBytes: 1e6 }).channels).toEqual(names.slice(1));
    writeFileSync(spec.path, readFileSync(whole).subarray(0, 900));
    createAssembled(spec);
    expect(checkFloatResult(spec.path, { width: 40, height: 30, maxBytes: 1e6 }).channels).toEqual(names);
  });

  test("refuses a result of another size or with a missing channel", () => {
    const spec = target("refuses.exr");
    createAssembled(spec);
    const less = scratch.put(
      "less.exr",
      makeExr({ width: 40, height: 30, parts: [{ channels: names.slice(1).map((name) => ({ name })) }] }),
    );
    const paste = { target: spec, resultRect: region, tileRect: region, region };
    expect(() => pasteResult({ ...paste, resultPath: less })).toThrow(
      expect.objectContaining({ code: "EXR_INVALID", message: expect.stringContaining("L.Combined.A") }),
    );
    expect(() => pasteResult({ ...paste, resultPath: tile("other.exr", tiles[0]!) })).toThrow(
      expect.objectContaining({ code: "EXR_INVALID" }),
    );
    expect(() => pasteResult({ ...paste, resultPath: whole, tileRect: { ...region, x: 99 } })).toThrow(RangeError);
    expect(checkFloatResult(spec.path, { width: 40, height: 30, maxBytes: 1e6 }).nonFinite).toBe(0);
  });

  test("copies bits, not values: NaN payloads survive", () => {
    const spec = { ...target("payload.exr"), width: 2, height: 1, channels: ["L.C.R"] };
    createAssembled(spec);
    const payloads = [0x7f812345, 0xffc00001];
    const rect = { x: 0, y: 0, width: 2, height: 1 };
    const resultPath = scratch.put(
      "payloads.exr",
      makeExr({ width: 2, height: 1, parts: [{ channels: [{ name: "L.C.R" }] }], bits: ({ column }) => payloads[column]! }),
    );
    pasteResult({ resultPath, target: spec, resultRect: rect, tileRect: rect, region: rect });
    const bytes = readFileSync(spec.path);
    expect([bytes.readUInt32LE(bytes.length - 8), bytes.readUInt32LE(bytes.length - 4)]).toEqual(payloads);
  });

  test("of 8K with 20 channels uses neither memory nor disk until it is filled", () => {
    const channels = Array.from({ length: 20 }, (_, at) => `L.Pass ${String(at).padStart(2, "0")}.X`);
    const spec = { path: join(scratch.path, "8k.exr"), width: 7680, height: 4320, channels, attributes: {} };
    const rect = { x: 1000, y: 2000, width: 256, height: 256 };
    const resultPath = scratch.put(
      "8k-tile.exr",
      makeExr({ width: 256, height: 256, parts: [{ channels: channels.map((name) => ({ name })) }], bits: ({ channel }) => channel + 1 }),
    );
    const before = process.memoryUsage().rss;
    createAssembled(spec);
    pasteResult({ resultPath, target: spec, resultRect: rect, tileRect: rect, region: { x: 0, y: 0, width: 7680, height: 4320 } });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    const { size, blocks } = statSync(spec.path);
    expect(size).toBeGreaterThan(2.6e9);
    expect(blocks * 512).toBeLessThan(100e6);
    expect(valueAt(spec.path, { size, channel: 7, row: 4320 - 2000 - 1, column: 1000 })).toBe(8);
    rmSync(spec.path);
  });
});

/** Reads one value of the 8K file, computing its offset independently. */
function valueAt(path: string, at: { size: number; channel: number; row: number; column: number }): number {
  const stride = 8 + 7680 * 20 * 4;
  const position = at.size - (4320 - at.row) * stride + 8 + (at.channel * 7680 + at.column) * 4;
  const bytes = Buffer.alloc(4);
  const descriptor = openSync(path, "r");
  readSync(descriptor, bytes, 0, 4, position);
  closeSync(descriptor);
  return bytes.readUInt32LE();
}

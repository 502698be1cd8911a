import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { isFarmError } from "../kernel/errors.ts";
import { checkFloatResult } from "./check.ts";
import { float, int32, makeExr, type MadeExr } from "./fixtures/make-exr.ts";
import { scratchFolder } from "./fixtures/scratch.ts";

const scratch = scratchFolder();
const MiB = 1024 * 1024;
const parts = [{ channels: ["A", "B", "G", "R"].map((name) => ({ name: `L.Combined.${name}` })) }];
const small: MadeExr = { width: 6, height: 20, parts, compression: "zip", attributes: { "cycles.L.samples": "4" } };
const expectation = { width: 6, height: 20, maxBytes: 64 * 1024 };

describe("the structural gate", () => {
  test("accepts a valid result and describes its contents", () => {
    const path = scratch.put("good.exr", makeExr(small));
    expect(checkFloatResult(path, expectation)).toEqual({
      channels: parts[0]!.channels.map(({ name }) => name),
      attributes: { "cycles.L.samples": "4" },
      nonFinite: 0,
    });
  });

  test("counts values that are not finite, in floats and half floats", () => {
    const bad = [0x7f800000, 0xff800000, 0x7fc00000, float(1), float(0), float(-3.4e38)];
    const floats = scratch.put("floats.exr", makeExr({ ...small, bits: ({ column }) => bad[column]! }));
    expect(checkFloatResult(floats, expectation).nonFinite).toBe(3 * 20 * 4);
    const channels = [{ name: "L.Combined.R", type: "half" as const }];
    const halves = scratch.put(
      "halves.exr",
      makeExr({ ...small, parts: [{ channels }], bits: ({ column }) => [0x7c00, 0xfc00, 0x7e00, 0x7bff, 0, 1][column]! }),
    );
    expect(checkFloatResult(halves, expectation).nonFinite).toBe(3 * 20);
  });

  test("leaves out the Composite layer", () => {
    const channels = [{ name: "Composite.Combined.R" }, ...parts[0]!.channels];
    expect(checkFloatResult(scratch.put("composite.exr", makeExr({ ...small, parts: [{ channels }] })), expectation).channels).toHaveLength(
      4,
    );
  });

  test.each<[string, Partial<MadeExr>, Partial<typeof expectation> & { channels?: readonly string[] }]>([
    ["6x20 pixels, 6x21 were requested", {}, { height: 21 }],
    ["6x20 pixels, 20x6 were requested", {}, { width: 20, height: 6 }],
    ["bytes, 100 are allowed", {}, { maxBytes: 100 }],
    ["channels are too much", { bits: () => 0 }, { maxBytes: 1500 }],
    ['lacks the channel \\"L.Depth.Z\\"', {}, { channels: [...parts[0]!.channels.map(({ name }) => name), "L.Depth.Z"] }],
    ["that was not requested", {}, { channels: ["L.Combined.A", "L.Combined.B", "L.Combined.G"] }],
  ])("refuses: %s", (claim, change, expected) => {
    const path = scratch.put("refused.exr", makeExr({ ...small, ...change }));
    const message = claim.replaceAll("\\", "");
    expect(() => checkFloatResult(path, { ...expectation, ...expected })).toThrow(
      expect.objectContaining({ code: "EXR_INVALID", message: expect.stringContaining(message) }),
    );
  });

  test("refuses a folder", () => {
    expect(() => checkFloatResult(scratch.path, expectation)).toThrow(expect.objectContaining({ code: "EXR_INVALID" }));
  });
});

describe("mutated files", () => {
  const path = scratch.put("mutant.exr", "");
  const descriptor = openSync(path, "r+"); // overwritten in place: thousands of new files would be slow
  afterAll(() => closeSync(descriptor));
  const seeds = [
    makeExr(small),
    makeExr({ ...small, compression: "none" }),
    makeExr({
      ...small,
      compression: "zips",
      parts: [
        { name: "a", channels: [{ name: "L.A.X" }] },
        { name: "b", view: "left", channels: [{ name: "L.B.X", type: "half" }] },
      ],
    }),
  ];

  /** Expects EXR_INVALID, or a consistent summary; anything else is a bug. */
  function outcome(bytes: Uint8Array): "refused" | "read" {
    writeSync(descriptor, bytes, 0, bytes.length, 0);
    ftruncateSync(descriptor, bytes.length);
    try {
      const summary = checkFloatResult(path, expectation);
      expect(summary.channels.length).toBeGreaterThan(0);
      expect(summary.nonFinite).toBeLessThanOrEqual(6 * 20 * summary.channels.length);
      return "read";
    } catch (error) {
      if (!isFarmError(error, "EXR_INVALID")) throw error;
      return "refused";
    }
  }

  test("are refused or read, 6,000 of them, within limits of time and memory", async () => {
    const before = process.memoryUsage().rss;
    const counts = { refused: 0, read: 0 };
    const share = fc.nat({ max: 999_999 }).map((parts) => parts / 1e6); // a double would nearly always be next to zero
    const edit = fc.record({
      at: share,
      value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255)),
      width: fc.constantFrom(1, 1, 4),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        fc.option(share, { freq: 1 }),
        async (seed, edits, cut) => {
          const bytes = Buffer.from(seed);
          for (const { at, value, width } of edits) {
            const from = Math.floor(at * bytes.length);
            bytes.fill(value, from, Math.min(from + width, bytes.length));
          }
          await nextTurn(); // as in a worker: Node frees a failed inflate only there
          counts[outcome(cut === null ? bytes : bytes.subarray(0, Math.floor(cut * bytes.length)))]++;
        },
      ),
      { numRuns: 6_000 },
    );
    expect(Math.min(counts.refused, counts.read)).toBeGreaterThan(100); // both outcomes occurred
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MiB);
  });

  test("truncated at every length are refused", () => {
    for (const seed of seeds)
      for (let length = 0; length < seed.length; length++) expect(outcome(seed.subarray(0, length))).toBe("refused");
  });
});

describe("decompression bombs are refused before they use memory", () => {
  /** The bytes of a valid file up to its offset table, with one attribute's value changed. */
  function headed(attributeHead: string, change: (value: Buffer) => void): Buffer {
    const bytes = makeExr(small);
    const at = bytes.indexOf(attributeHead) + attributeHead.length + 4;
    change(bytes.subarray(at));
    return bytes;
  }

  function window(width: number, height: number): Buffer {
    const head = headed("dataWindow\0box2i\0", (value) => value.writeInt32LE(width - 1, 8) && value.writeInt32LE(height - 1, 12));
    const at = head.indexOf("displayWindow\0box2i\0") + "displayWindow\0box2i\0".length + 4;
    head.writeInt32LE(width - 1, at + 8);
    head.writeInt32LE(height - 1, at + 12);
    return head;
  }

  /** A file with a large size and one chunk of zeros: valid except for the pixels. */
  function zipBomb(inflatedBytes: number): Buffer {
    const wide = makeExr({ width: 1024, height: 16, parts, compression: "zip", bits: () => 0 });
    const packed = deflateSync(Buffer.alloc(inflatedBytes));
    const start = Number(wide.readBigUInt64LE(offsetTable(wide)));
    return Buffer.concat([wide.subarray(0, start), int32(0), int32(packed.length), packed]);
  }

  function offsetTable(bytes: Buffer): number {
    const last = "screenWindowWidth\0float\0";
    return bytes.indexOf(last) + last.length + 4 + 4 + 1;
  }

  test.each<[string, () => Buffer, { readonly width: number; readonly height: number; readonly maxBytes: number }]>([
    ["a window of 2^31 pixels", () => window(2 ** 31 - 1, 2 ** 31 - 1), expectation],
    ["a window of 65,536 x 65,536 pixels", () => window(65_536, 65_536), { width: 65_536, height: 65_536, maxBytes: 2 ** 40 }],
    ["a window that was not requested", () => window(65_536, 16), expectation],
    [
      "an attribute of 2 GiB",
      () => Buffer.concat([makeExr(small).subarray(0, 8), Buffer.from("x\0string\0"), int32(2 ** 31 - 1)]),
      expectation,
    ],
    [
      "a header of 40 MiB",
      () => Buffer.concat([makeExr(small).subarray(0, 8), Buffer.from("x\0string\0"), int32(15 * MiB), Buffer.alloc(40 * MiB)]),
      { ...expectation, maxBytes: 100 * MiB },
    ],
    ["a chunk that inflates to 64 MiB", () => zipBomb(64 * MiB), { width: 1024, height: 16, maxBytes: MiB }],
    ["a chunk that inflates to one byte too much", () => zipBomb(1024 * 16 * 16 + 1), { width: 1024, height: 16, maxBytes: MiB }],
    ["a chunk that inflates to one byte too few", () => zipBomb(1024 * 16 * 16 - 1), { width: 1024, height: 16, maxBytes: MiB }],
  ])("%s", (_claim, make, expected) => {
    const path = scratch.put("bomb.exr", make());
    const before = process.memoryUsage().rss;
    const started = process.threadCpuUsage();
    expect(() => checkFloatResult(path, expected)).toThrow(expect.objectContaining({ code: "EXR_INVALID" }));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MiB);
    const { user, system } = process.threadCpuUsage(started);
    expect((user + system) / 1_000, "CPU time of this thread, independent of other load").toBeLessThan(2_000);
  });

  test("are valid files apart from the bomb", () => {
    const path = scratch.put("not-a-bomb.exr", zipBomb(1024 * 16 * 16));
    expect(checkFloatResult(path, { width: 1024, height: 16, maxBytes: MiB }).channels).toHaveLength(4);
  });
});

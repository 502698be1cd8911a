import { describe, expect, test } from "vitest";
import { distinctBits, makeExr, type MadeExr } from "../fixtures/make-exr.ts";
import { scratchFolder } from "../fixtures/scratch.ts";
import { floatBitsOfHalf } from "./decode-chunk.ts";
import { ExrFile } from "./exr-file.ts";
import { readRectangle } from "./read-rectangle.ts";
import { forEachBlock } from "./scanlines.ts";

const scratch = scratchFolder();

function readAll(bytes: Buffer): Map<string, Uint32Array> {
  using file = ExrFile.open(scratch.put("read.exr", bytes));
  const names = file.header.parts.flatMap((part) => part.channels.map(({ name }) => name));
  return readRectangle(file, { left: 0, top: 0, width: file.width, height: file.height }, names);
}

function walk(bytes: Buffer): void {
  using file = ExrFile.open(scratch.put("walk.exr", bytes));
  forEachBlock(file, () => {});
}

const picture: MadeExr = {
  width: 7,
  height: 37, // two whole ZIP chunks and a rest
  parts: [{ channels: [{ name: "L.Combined.A" }, { name: "L.Combined.B" }, { name: "L.Depth.Z" }] }],
};

describe("scanlines", () => {
  for (const compression of ["none", "zips", "zip"] as const) {
    for (const upward of [false, true]) {
      test(`of ${compression}${upward ? ", bottom first," : ""} are read back bit for bit`, () => {
        const found = readAll(makeExr({ ...picture, compression, upward }));
        for (const [channel, { name }] of picture.parts[0]!.channels.entries()) {
          expect([...found.get(name)!]).toEqual(
            Array.from({ length: 7 * 37 }, (_, at) => distinctBits({ part: 0, channel, row: Math.floor(at / 7), column: at % 7 })),
          );
        }
      });
    }
  }

  test("of several parts are read back under their own names", () => {
    const parts = [
      { name: "a", channels: [{ name: "L.A.X" }] },
      { name: "b", channels: [{ name: "L.B.X" }, { name: "L.B.Y" }] },
    ];
    const found = readAll(makeExr({ width: 3, height: 20, parts, compression: "zip" }));
    expect(found.get("L.B.Y")?.[4]).toBe(distinctBits({ part: 1, channel: 1, row: 1, column: 1 }));
    expect(found.get("L.A.X")?.[4]).toBe(distinctBits({ part: 0, channel: 0, row: 1, column: 1 }));
  });

  test("keep NaN payloads", () => {
    const payloads = [0x7fc00001, 0xff800001, 0x7f812345, 0xffffffff, 0x80000000];
    const found = readAll(
      makeExr({ width: 5, height: 1, parts: [{ channels: [{ name: "L.C.R" }] }], bits: ({ column }) => payloads[column]! }),
    );
    expect([...found.get("L.C.R")!]).toEqual(payloads);
  });

  test("of half floats are widened exactly, all 65,536 values, also beside floats", () => {
    const channels = [{ name: "L.A.X", type: "half" as const }, { name: "L.B.X" }];
    const bits = ({ channel, row, column }: { channel: number; row: number; column: number }) =>
      channel === 0 ? row * 256 + column : 0x12345678;
    const found = readAll(makeExr({ width: 256, height: 256, parts: [{ channels }], compression: "zip", bits }));
    const view = new DataView(new ArrayBuffer(2));
    const wrong = Array.from({ length: 65_536 }, (_, half) => half).filter((half) => {
      view.setUint16(0, half);
      const value = view.getFloat16(0);
      return !Number.isNaN(value) && found.get("L.A.X")?.[half] !== new Uint32Array(Float32Array.of(value).buffer)[0];
    });
    expect(wrong).toEqual([]);
    expect(floatBitsOfHalf(0x7e01)).toBe(0x7fc02000);
    expect(found.get("L.B.X")!.every((value) => value === 0x12345678)).toBe(true);
  });

  describe("are refused", () => {
    const zipped = makeExr({ ...picture, compression: "zip", bits: () => 0 });
    const plain = makeExr(picture);
    const chunks = plain.length - 37 * (8 + 7 * 12);
    const headerBytes = chunks - 37 * 8;
    const changed = (bytes: Buffer, change: (copy: Buffer) => void) => {
      const copy = Buffer.from(bytes);
      change(copy);
      return copy;
    };
    test.each<[string, Buffer]>([
      ["cut short", plain.subarray(0, -1)],
      ["inside its offset table", plain.subarray(0, headerBytes + 20)],
      ["has data after", Buffer.concat([plain, Buffer.alloc(1)])],
      ["not where the offset table says", changed(plain, (copy) => copy.writeBigUInt64LE(2n ** 60n, headerBytes))],
      ["not where the offset table says", changed(plain, (copy) => copy.copy(copy, headerBytes, headerBytes + 8, headerBytes + 16))],
      ["invalid row", changed(plain, (copy) => copy.writeInt32LE(-1, chunks))],
      ["invalid row", changed(plain, (copy) => copy.writeInt32LE(37, chunks))],
      ["wrong size", changed(plain, (copy) => copy.writeInt32LE(2 ** 31 - 1, chunks + 4))],
      ["wrong size", changed(plain, (copy) => copy.writeInt32LE(7 * 12 - 1, chunks + 4))],
      ["wrong size", changed(plain, (copy) => copy.writeInt32LE(0, chunks + 4))],
      ["cannot be inflated", changed(zipped, (copy) => copy.fill(0xff, copy.length - 12, copy.length - 4))],
    ])("for: %s", (claim, bytes) => {
      const reason = claim === "cut short" ? "wrong size" : claim;
      expect(() => walk(bytes)).toThrow(expect.objectContaining({ code: "EXR_INVALID", message: expect.stringContaining(reason) }));
    });

    test("when their data window does not start at the origin, or is not the whole picture", () => {
      const at = plain.indexOf("dataWindow") + "dataWindow\0box2i\0".length + 4;
      const moved = changed(plain, (copy) => {
        copy.writeInt32LE(1, at);
        copy.writeInt32LE(7, at + 8);
      });
      expect(() => walk(moved)).toThrow("one rectangle at the origin");
    });

    test("when they use an unsupported compression", () => {
      const at = plain.indexOf("compression\0compression\0") + "compression\0compression\0".length + 4;
      for (const code of [1, 4, 5, 6, 7, 8, 9])
        expect(() => walk(changed(plain, (copy) => copy.writeUInt8(code, at)))).toThrow(/only NONE|chunk count/);
    });
  });
});

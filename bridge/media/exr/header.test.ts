import { describe, expect, test } from "vitest";
import { attribute, int32, makeExr } from "../fixtures/make-exr.ts";
import { UnexpectedEndOfData } from "./byte-cursor.ts";
import { fullChannelName, isRenderTimePass, withoutComposite } from "./channel-names.ts";
import { channelNames, parseExrHeader } from "./header.ts";

const rgba = [{ name: "L.Combined.A" }, { name: "L.Combined.B" }];

/** A header with the required attributes, some replaced or added. */
function header(change: Readonly<Record<string, Buffer | undefined>>, version = 2): Buffer {
  const box = Buffer.concat([int32(0), int32(0), int32(3), int32(2)]);
  const whole: Record<string, Buffer | undefined> = {
    channels: attribute("channels", "chlist", channels(["A", 2, 1])),
    compression: attribute("compression", "compression", Buffer.of(0)),
    dataWindow: attribute("dataWindow", "box2i", box),
    displayWindow: attribute("displayWindow", "box2i", box),
    ...change,
  };
  return Buffer.concat([int32(20_000_630), int32(version), ...Object.values(whole).flatMap((part) => part ?? []), Buffer.alloc(64)]);
}

function channels(...list: readonly [name: string, type: number, sampling: number][]): Buffer {
  return Buffer.concat([
    ...list.map(([name, type, sampling]) => Buffer.concat([Buffer.from(`${name}\0`), int32(type), int32(0), int32(sampling), int32(1)])),
    Buffer.alloc(1),
  ]);
}

describe("a header", () => {
  test("is read with its channels, size and allowed string attributes", () => {
    const attributes = {
      "cryptomatte/542cafa/manifest": '{"Würfel":"a8fce865"}',
      "cycles.L.samples": "4",
      Camera: "secret",
      "cryptomatte/542cafa/manif_file": "/etc/passwd",
    };
    const parsed = parseExrHeader(makeExr({ width: 5, height: 3, parts: [{ channels: rgba }], attributes }));
    expect(parsed.parts).toMatchObject([{ width: 5, height: 3, rowsPerChunk: 1, chunkCount: 3, bytesPerRow: 40 }]);
    expect(parsed.attributes).toEqual({ "cryptomatte/542cafa/manifest": '{"Würfel":"a8fce865"}', "cycles.L.samples": "4" });
  });

  test("of several parts names channels as a single part does", () => {
    const parts = [
      { name: "L.Combined-left", view: "left", channels: [{ name: "L.Combined.R" }] },
      { name: "L.Combined-right", view: "right", channels: [{ name: "L.Combined.R" }] },
      { name: "L.Depth", channels: [{ name: "Z" }] },
    ];
    expect(channelNames(parseExrHeader(makeExr({ width: 2, height: 2, parts })))).toEqual([
      "L.Combined.left.R",
      "L.Combined.right.R",
      "L.Depth.Z",
    ]);
  });

  test("that is truncated asks for more bytes at every length and never reads past them", () => {
    const whole = makeExr({ width: 2, height: 1, parts: [{ channels: rgba }] });
    const { bytes } = parseExrHeader(whole);
    for (let length = 0; length < bytes; length++) expect(() => parseExrHeader(whole.subarray(0, length))).toThrow(UnexpectedEndOfData);
  });

  const refused: [claim: string, bytes: Buffer][] = [
    ["no magic", Buffer.from("this is a text, not an EXR")],
    ["EXR version other than 2", header({}, 3)],
    ["tiled", header({}, 2 | 0x200)],
    ["deep", header({}, 2 | 0x800)],
    ["unknown version flags", header({}, 2 | 0x10000)],
    ["required attribute is missing", header({ dataWindow: undefined })],
    ["has no name or no type", header({}, 2 | 0x1000)],
    ["only scanlineimage", header({ type: attribute("type", "string", Buffer.from("deepscanline")) })],
    ["wrong type", header({ compression: attribute("compression", "int", int32(0)) })],
    ["unknown compression", header({ compression: attribute("compression", "compression", Buffer.of(99)) })],
    ["stands twice", header({ again: attribute("compression", "compression", Buffer.of(0)) })],
    ["impossible size", header({ bad: Buffer.concat([Buffer.from("x\0string\0"), int32(-1)]) })],
    ["impossible size", header({ bad: Buffer.concat([Buffer.from("x\0string\0"), int32(2 ** 31 - 1)]) })],
    ["longer than 255 bytes", header({ bad: Buffer.from(`${"x".repeat(300)}\0`) })],
    [
      "more than 512 attributes",
      header(Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`a${at}`, attribute(`a${at}`, "int", int32(0))]))),
    ],
    ["not UTF-8", header({ bad: Buffer.from([0xff, 0xfe, 0]) })],
    ["shorter than its value", header({ channels: attribute("channels", "chlist", channels(["A", 2, 1]).subarray(0, 9)) })],
    ["longer than its value", header({ dataWindow: attribute("dataWindow", "box2i", Buffer.alloc(20)) })],
    ["no channels", header({ channels: attribute("channels", "chlist", Buffer.alloc(1)) })],
    ["not in order", header({ channels: attribute("channels", "chlist", channels(["B", 2, 1], ["A", 2, 1])) })],
    ["not in order", header({ channels: attribute("channels", "chlist", channels(["A", 2, 1], ["A", 2, 1])) })],
    ["neither half nor float", header({ channels: attribute("channels", "chlist", channels(["A", 0, 1])) })],
    ["subsampled", header({ channels: attribute("channels", "chlist", channels(["A", 2, 2])) })],
    [
      "more than 1024 channels",
      header({
        channels: attribute(
          "channels",
          "chlist",
          channels(...Array.from({ length: 1025 }, (_, at): [string, number, number] => [String(at + 10_000), 2, 1])),
        ),
      }),
    ],
    [
      "data window is invalid",
      header({ dataWindow: attribute("dataWindow", "box2i", Buffer.concat([int32(0), int32(0), int32(-1), int32(5)])) }),
    ],
    [
      "data window is invalid",
      header({ dataWindow: attribute("dataWindow", "box2i", Buffer.concat([int32(-(2 ** 31)), int32(0), int32(2 ** 31 - 1), int32(5)])) }),
    ],
    ["chunk count does not fit", header({ chunkCount: attribute("chunkCount", "int", int32(7)) })],
  ];
  test.each(refused)("is refused: %s", (claim, bytes) => {
    const reason = claim === "no magic" ? "not an EXR file" : claim;
    expect(() => parseExrHeader(bytes)).toThrow(expect.objectContaining({ code: "EXR_INVALID", message: expect.stringContaining(reason) }));
  });

  test("of two parts with the same channel is refused", () => {
    const parts = [1, 2].map((at) => ({ name: `part ${at}`, channels: [{ name: "L.Combined.R" }] }));
    expect(() => parseExrHeader(makeExr({ width: 1, height: 1, parts }))).toThrow("same name");
  });
});

describe("channel names", () => {
  test.each([
    ["ViewLayer.Combined.R", { part: undefined, view: undefined }, "ViewLayer.Combined.R"],
    ["R", { part: undefined, view: undefined }, "R"],
    ["R", { part: "ViewLayer.Combined", view: undefined }, "ViewLayer.Combined.R"],
    ["R", { part: "ViewLayer.Combined-left", view: "left" }, "ViewLayer.Combined.left.R"],
    ["ViewLayer.Combined.R", { part: "ViewLayer.Combined-left", view: "left" }, "ViewLayer.Combined.left.R"],
    ["ViewLayer.Combined.left.R", { part: "x", view: "left" }, "ViewLayer.Combined.left.R"],
    ["Ebene 1.5.Licht.R", { part: "x", view: "links" }, "Ebene 1.5.Licht.links.R"],
  ])("%s in %o is %s", (channel, naming, full) => {
    expect(fullChannelName(channel, naming)).toBe(full);
  });

  test("of the compositor are left out, but not those of a view layer called Composite", () => {
    expect(withoutComposite(["Composite.Combined.R", "L.Combined.R"])).toEqual(["L.Combined.R"]);
    expect(withoutComposite(["Composite.Combined.R"])).toEqual(["Composite.Combined.R"]);
    expect(withoutComposite(["Composite.Combined.R", "Composite.Depth.Z", "L.Combined.R"])).toHaveLength(3);
  });

  test("of the render time are recognised by both of Blender's names", () => {
    expect(["L.Render Time.X", "L.Debug Render Time.left.X", "L.Combined.R", "Render Times.Combined.R"].map(isRenderTimePass)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

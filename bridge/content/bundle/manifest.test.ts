import { resolve, sep, win32 } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFarmError } from "../../kernel/errors.ts";
import { blocksOf, encodeManifest, MANIFEST_LIMITS, parseManifest, type SceneManifest } from "./manifest.ts";
import { pathInside } from "./extract-bundle.ts";
import { bundlePathFault, safeSegment, segmentFault } from "./path-rules.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

const HOSTILE = [
  "",
  "/",
  "/etc/passwd",
  "//server/share/x",
  "\\\\server\\share\\x",
  "..",
  "../x",
  "a/../b",
  "a/../../b",
  "a/..",
  "a/b/../../../c",
  ".",
  "./a",
  "a/.",
  "a/./b",
  "a//b",
  "a/",
  "/a",
  "a/b/",
  " ",
  "a/ ",
  "a ",
  "a.",
  "a./b",
  "a /b",
  "...",
  "a/...",
  ".. /x",
  "..\u200c/x",
  ".\u200d./x",
  "..\\x",
  "a\\b",
  "a\\..\\..\\b",
  "C:",
  "C:x",
  "C:/x",
  "C:\\x",
  "c:\\windows\\system32",
  "\\\\?\\C:\\x",
  "\\\\.\\PhysicalDrive0",
  "a:stream",
  "a/b:$DATA",
  "a.txt::$DATA",
  "CON",
  "con",
  "PRN.txt",
  "aux",
  "a/NUL",
  "nul.tar.gz",
  "COM1",
  "com9.blend",
  "LPT1/x",
  "lpt9",
  "COM¹",
  "LPT³.txt",
  "CONIN$",
  "conout$",
  "CLOCK$",
  "con .txt",
  "NUL  .x",
  "a\0b",
  "a\nb",
  "a\rb",
  "a\tb",
  "\u001b[2Ja",
  "a\u007fb",
  "a\u0085b",
  "a\u202egnp.exe",
  "\u200ba",
  "\ufeffa",
  "a\u2066b",
  "a\u00adb",
  "a\u2028b",
  "a<b",
  "a>b",
  'a"b',
  "a|b",
  "a?b",
  "a*b",
  "e\u0301.png",
  "\u212b.png",
  "\ud800.png",
  "a\udc80",
  "x".repeat(241),
  "é".repeat(121),
  `a/${"x".repeat(300)}/b`,
  Array(33).fill("d").join("/"),
  Array(20).fill("y".repeat(120)).join("/"),
  "%2e%2e/ok?",
  "file:///etc/passwd",
  "~/x:y",
  "a/\u0000",
  "NUL:",
  "a/con/b",
];

const FINE = [
  "a",
  "scene.blend",
  "Tex/шум 01.png",
  "日本語/画像.0001.exr",
  "a b/c d.png",
  ".hidden",
  "a..b",
  "..a",
  "a...b/c",
  "con1",
  "console.txt",
  "com",
  "com10",
  "~x",
  "%2e%2e",
  "-rf",
  "$HOME",
  "x".repeat(240),
  Array(32).fill("d").join("/"),
];

function scene(over: Partial<SceneManifest> = {}): SceneManifest {
  return {
    version: 1,
    scene: "s.blend",
    files: [
      { path: "s.blend", bytes: 5, blocks: [{ sha256: A, bytes: 5 }] },
      {
        path: "tex/a.png",
        bytes: 7,
        blocks: [
          { sha256: A, bytes: 5 },
          { sha256: B, bytes: 2 },
        ],
      },
    ],
    remap: [{ from: "/home/me/p", to: "." }],
    ...over,
  };
}

function refusal(value: unknown): unknown {
  try {
    return parseManifest(typeof value === "string" ? new TextEncoder().encode(value) : encodeManifest(value as SceneManifest));
  } catch (error) {
    return isFarmError(error, "MANIFEST_INVALID") ? "refused" : error;
  }
}

describe("bundle paths", () => {
  it("the table of hostile paths holds at least 60", () => {
    expect(new Set(HOSTILE).size).toBeGreaterThanOrEqual(60);
  });

  it.each(HOSTILE.map((path) => [path]))("refuses %j", (path) => {
    expect(bundlePathFault(path)).toBeTypeOf("string");
    expect(() => pathInside("/root/of/bundle", path)).toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
    expect(refusal(scene({ scene: path, files: [{ path, bytes: 0, blocks: [] }] }))).toBe("refused");
  });

  it.each(FINE.map((path) => [path]))("accepts %j", (path) => {
    expect(bundlePathFault(path)).toBeUndefined();
  });

  const part = fc.oneof(
    fc.constantFrom("..", ".", "", "/", "\\", "C:", "con", "a", "\u200c", "~", " ", ".."),
    fc.string({ unit: "grapheme", maxLength: 6 }),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  const anyPath = fc.array(part, { maxLength: 8 }).chain((parts) => fc.constantFrom(parts.join("/"), parts.join("\\"), parts.join("")));

  it("any accepted path lies inside the root, by POSIX and by Windows rules", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        if (bundlePathFault(path) !== undefined) return;
        const root = resolve("/farm/scene");
        expect(pathInside(root, path).startsWith(root + sep)).toBe(true);
        expect(resolve(root, path).startsWith(root + sep)).toBe(true);
        expect(win32.resolve("D:\\farm\\scene", path).startsWith("D:\\farm\\scene\\")).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it("every name has a safe form, and a safe name is unchanged", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.constantFrom("con", "NUL.txt", "a ", "...", "..", "")),
        (name) => {
          const safe = safeSegment(name);
          expect(segmentFault(safe)).toBeUndefined();
          expect(safeSegment(safe)).toBe(safe);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("a manifest", () => {
  it("has one encoding, whatever the order of its files", () => {
    const made = scene();
    const turned = scene({ files: [...made.files].reverse(), remap: [...made.remap].reverse() });
    expect(encodeManifest(turned)).toEqual(encodeManifest(made));
    expect(parseManifest(encodeManifest(made))).toEqual(made);
    expect(blocksOf(made).map((block) => block.sha256)).toEqual([A, B]);
  });

  it("is refused in any other encoding of the same content", () => {
    const text = new TextDecoder().decode(encodeManifest(scene()));
    expect(refusal(text)).not.toBe("refused");
    expect(refusal(` ${text}`)).toBe("refused");
    expect(refusal(JSON.stringify(JSON.parse(text), undefined, 1))).toBe("refused");
    expect(refusal(text.replace('"version":1', '"version":1.0'))).toBe("refused");
  });

  const file = (path: string) => ({ path, bytes: 0, blocks: [] });
  const many = { sha256: A, bytes: MANIFEST_LIMITS.maxBlockBytes };
  it.each<[string, unknown]>([
    ["is not JSON", "nonsense"],
    ["is not UTF-8", "\ud800"],
    ["is an array", "[]"],
    ["has a field too many", JSON.stringify({ ...scene(), more: 1 })],
    ["has another version", scene({ version: 2 as never })],
    ["names a scene it does not hold", scene({ scene: "t.blend" })],
    ["has no files", scene({ files: [] })],
    ["has the same path twice", scene({ files: [file("s.blend"), file("s.blend")] })],
    ["has paths that differ in case", scene({ files: [file("s.blend"), file("S.BLEND")] })],
    ["has paths that differ in German case", scene({ files: [file("s.blend"), file("straße"), file("STRASSE")] })],
    ["has a file that is a folder", scene({ files: [file("s.blend"), file("s.blend/x")] })],
    ["has a file that is a folder in another case", scene({ files: [file("s.blend"), file("T"), file("t/x")] })],
    ["has blocks that do not add up", scene({ files: [{ path: "s.blend", bytes: 6, blocks: [{ sha256: A, bytes: 5 }] }] })],
    [
      "has one block of two sizes",
      scene({
        files: [
          {
            path: "s.blend",
            bytes: 9,
            blocks: [
              { sha256: A, bytes: 5 },
              { sha256: A, bytes: 4 },
            ],
          },
        ],
      }),
    ],
    ["has an empty block", scene({ files: [{ path: "s.blend", bytes: 0, blocks: [{ sha256: A, bytes: 0 }] }] })],
    ["has a block over the limit", scene({ files: [{ path: "s.blend", bytes: 2 ** 30, blocks: [{ sha256: A, bytes: 2 ** 30 }] }] })],
    ["has a hash in capitals", scene({ files: [{ path: "s.blend", bytes: 5, blocks: [{ sha256: A.toUpperCase(), bytes: 5 }] }] })],
    ["is larger than any scene", scene({ files: [{ path: "s.blend", bytes: 70_000 * many.bytes, blocks: Array(70_000).fill(many) }] })],
    ["remaps a relative path", scene({ remap: [{ from: "home/me", to: "." }] })],
    ["remaps to outside", scene({ remap: [{ from: "/home/me", to: "../x" }] })],
    ["remaps to an absolute path", scene({ remap: [{ from: "/home/me", to: "/etc" }] })],
  ])("is refused when it %s", (_why, value) => {
    expect(refusal(value)).toBe("refused");
  });

  it("is refused before it is read when it is too long", () => {
    expect(() => parseManifest(new Uint8Array(MANIFEST_LIMITS.maxManifestBytes + 1))).toThrow("over");
  });
});

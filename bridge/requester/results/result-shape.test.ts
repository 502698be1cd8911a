import { describe, expect, it } from "vitest";
import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { assertShape, maxFloatBytes, RESULT_LIMITS } from "./result-shape.ts";

const [raw] = planOf({ costs: [1] }).chunks as [Chunk];
const [final] = planOf({ costs: [1], kind: "files" }).chunks as [Chunk];
const file = (changes: Partial<ResultFile> = {}): ResultFile => ({ role: "raw", name: "f.exr", sha256: "ab", bytes: 10, ...changes });
const output = (changes: Partial<ResultFile> = {}) => file({ role: "output", name: "f_0001.png", ...changes });
const refusal = (chunk: Chunk, files: readonly ResultFile[]) => {
  try {
    assertShape(chunk, files);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: "RESULT_INVALID" });
    return (error as Error).message;
  }
};

describe("the result of a raw chunk", () => {
  it("is one float picture, with a preview or without", () => {
    expect(refusal(raw, [file()])).toBeUndefined();
    expect(refusal(raw, [file(), file({ role: "preview", name: "p.jpg" })])).toBeUndefined();
  });

  it.each([
    ["nothing", []],
    ["two pictures", [file(), file({ name: "g.exr" })]],
    ["a preview alone", [file({ role: "preview" })]],
    ["final files beside it", [file(), output()]],
  ])("is refused as %s", (_, files) => expect(refusal(raw, files)).toContain("must be one float picture"));

  it("is refused when it is larger than its rectangle with the maximum of channels", () => {
    const most = maxFloatBytes(4, 4);
    expect(refusal(raw, [file({ bytes: most })])).toBeUndefined();
    expect(refusal(raw, [file({ bytes: most + 1 })])).toContain("larger than its rectangle");
    expect(most).toBeGreaterThan(4 * 4 * 4 * RESULT_LIMITS.maxChannels);
  });
});

describe("the result of a whole frame", () => {
  it("is one final file or more", () => {
    expect(refusal(final, [output()])).toBeUndefined();
    expect(refusal(final, [output(), output({ name: "f_0001.exr" })])).toBeUndefined();
  });

  it.each([
    ["nothing", [], "must be final files"],
    ["a float picture", [file()], "must be final files"],
    ["a float picture beside it", [output(), file()], "must be final files"],
    ["a file that is too large", [output({ bytes: RESULT_LIMITS.maxOutputBytes + 1 })], "too large"],
    ["two files of one name", [output(), output()], "two files of one name"],
    ["a name with a folder", [output({ name: "../x.png" })], "leads elsewhere"],
    ["a name with a backslash", [output({ name: "..\\x.png" })], "leads elsewhere"],
    ["the folder itself", [output({ name: "." })], "leads elsewhere"],
    ["the folder above", [output({ name: ".." })], "leads elsewhere"],
    ["a name with a null byte", [output({ name: "a\0b" })], "leads elsewhere"],
  ])("is refused as %s", (_, files, why) => expect(refusal(final, files)).toContain(why));
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FarmError } from "../../kernel/errors.ts";
import { FRAME_LIMITS } from "../job/frame-limits.ts";
import { FRAME_LIST_LIMITS, parseFrames } from "./frames.ts";

const SCENE = { start: 10, end: 20 };

function refusal(text: string): string {
  try {
    parseFrames(text, SCENE);
  } catch (error) {
    if (error instanceof FarmError && error.code === "FRAMES_INVALID") return error.message;
  }
  throw new Error(`${text} was read`);
}

function codeOf(text: string): string {
  try {
    const frames = parseFrames(text, SCENE);
    return new Set(frames).size === frames.length ? "read" : "a frame twice";
  } catch (error) {
    return error instanceof FarmError ? error.code : "a bug";
  }
}

describe("parseFrames", () => {
  // What Blender 3.4.1 rendered for the same -f with a scene from 10 to 20.
  it.each([
    ["1", [1]],
    ["1,3,5..9", [1, 3, 5, 6, 7, 8, 9]],
    ["-3", [18]],
    ["+2", [12]],
    ["-3..-1", [18, 19, 20]],
    ["+0..+2", [10, 11, 12]],
    ["+1..-1", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]],
    ["-30", [-9]],
    ["1, 2", [1, 2]],
    ["5,5", [5]],
  ])("reads %s as Blender does", (text, frames) => expect(parseFrames(text, SCENE)).toEqual(frames));

  it.each([
    ["1-4", [1, 2, 3, 4]],
    ["1-10x3", [1, 4, 7, 10]],
    ["2..9x4", [2, 6]],
    ["7,1-3,2", [7, 1, 2, 3]],
  ])("also reads %s", (text, frames) => expect(parseFrames(text)).toEqual(frames));

  it.each([
    ["", "empty"],
    ["1,,2", "empty"],
    ["1,x", '"x"'],
    ["3..x", '"3..x"'],
    ["6..4", "backwards"],
    ["1-9x0", "step of 0"],
    ["2000000", "outside Blender's range of frames, -1048574 to 1048574"],
    ["99999999", "-1048574 to 1048574"],
    ["1..99999999", "-1048574 to 1048574"],
    ["1-99999999999999999999", "-1048574 to 1048574"],
    ["1.5", '"1.5"'],
    ["1e3", '"1e3"'],
    ["0..100000", `more than ${FRAME_LIST_LIMITS.maxFrames}`],
    ["-4-9", '"-4-9"'],
  ])("refuses %j and says what is wrong", (text, why) => expect(refusal(text)).toContain(why));

  it("refuses relative frames when the scene's range is not known", () => {
    expect(() => parseFrames("+3")).toThrow(/scene's range/);
  });

  it("parses back any formatted list, in its order", () => {
    const list = fc.uniqueArray(fc.nat(FRAME_LIMITS.maxFrame), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(list, (frames) => {
        expect(parseFrames(frames.join(","))).toEqual(frames);
      }),
    );
  });

  it("fails only with its error code, whatever the input", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789+-.,x ".split("")), maxLength: 12 }), (text) => {
        expect(codeOf(text)).toMatch(/^read$|^FRAMES_INVALID$/);
      }),
    );
  });
});

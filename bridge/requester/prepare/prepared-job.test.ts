import { describe, expect, it } from "vitest";
import { facts, scene } from "../../core/fixtures/scene-facts.ts";
import { framesBefore, framesOf } from "./prepared-job.ts";

const SCENE = facts([scene()], { frameCurrent: 4, frameStart: 1, frameEnd: 10, frameStep: 3 });

describe("the frames of a request", () => {
  it("are the scene's current one where nothing is said", () => {
    expect(framesOf({}, SCENE)).toEqual([4]);
  });

  it("are its range in its steps for an animation, as Blender goes through it", () => {
    expect(framesOf({ animation: true }, SCENE)).toEqual([1, 4, 7, 10]);
    expect(framesOf({ animation: true }, { ...SCENE, frameEnd: 9 })).toEqual([1, 4, 7]);
    expect(framesOf({ animation: true }, { ...SCENE, frameEnd: 1 })).toEqual([1]);
  });

  it("are none for an animation that ends before it begins", () => {
    expect(framesOf({ animation: true }, { ...SCENE, frameEnd: 0 })).toEqual([]);
    expect(framesOf({ animation: true }, { ...SCENE, frameEnd: -50 })).toEqual([]);
  });

  it("are those that are named, whatever else is said", () => {
    expect(framesOf({ frames: "2,8..9" }, SCENE)).toEqual([2, 8, 9]);
    expect(framesOf({ frames: "2", animation: true }, SCENE)).toEqual([2]);
  });

  it("count from the range's ends with + and -, as Blender does", () => {
    expect(framesOf({ frames: "+1,-2" }, SCENE)).toEqual([2, 9]);
  });
});

describe("frames that can be told without the scene", () => {
  it.each([
    ["2,8..9", [2, 8, 9]],
    ["1-3", [1, 2, 3]],
  ])("%s", (frames, told) => {
    expect(framesBefore({ frames })).toEqual(told);
  });

  it.each([[undefined], ["+1"], ["1,-2"], ["1, +2"], ["3..+4"]])("not %s", (frames) => {
    expect(framesBefore(frames === undefined ? {} : { frames })).toBeUndefined();
  });
});

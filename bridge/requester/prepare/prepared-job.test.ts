import { describe, expect, it } from "vitest";
import { facts, scene } from "../../core/fixtures/scene-facts.ts";
import { framesBefore, requestedFrames } from "./prepared-job.ts";

const SCENE = facts([scene()], { frameCurrent: 4, frameStart: 1, frameEnd: 10, frameStep: 3 });

describe("the frames of a request", () => {
  it("are the scene's current one where nothing is said", () => {
    expect(requestedFrames({}, SCENE)).toEqual([4]);
  });

  it("are its range in its steps for an animation, as Blender goes through it", () => {
    expect(requestedFrames({ animation: true }, SCENE)).toEqual([1, 4, 7, 10]);
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: 9 })).toEqual([1, 4, 7]);
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: 1 })).toEqual([1]);
  });

  it("are none for an animation that ends before it begins", () => {
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: 0 })).toEqual([]);
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: -50 })).toEqual([]);
  });

  it("are those that are named, whatever else is said", () => {
    expect(requestedFrames({ frames: "2,8..9" }, SCENE)).toEqual([2, 8, 9]);
    expect(requestedFrames({ frames: "2", animation: true }, SCENE)).toEqual([2]);
  });

  it("count from the range's ends with + and -, as Blender does", () => {
    expect(requestedFrames({ frames: "+1,-2" }, SCENE)).toEqual([2, 9]);
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

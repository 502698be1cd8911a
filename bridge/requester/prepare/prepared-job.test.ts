import { describe, expect, it } from "vitest";
import { facts, scene } from "../../core/fixtures/scene-facts.ts";
import { framesKnownWithoutScene, requestedFrames } from "./prepared-job.ts";

const SCENE = facts([scene()], { frameCurrent: 4, frameStart: 1, frameEnd: 10, frameStep: 3 });

describe("the frames of a request", () => {
  it("are the scene's current frame by default", () => {
    expect(requestedFrames({}, SCENE)).toEqual([4]);
  });

  it("are the scene's range with its step for an animation", () => {
    expect(requestedFrames({ animation: true }, SCENE)).toEqual([1, 4, 7, 10]);
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: 9 })).toEqual([1, 4, 7]);
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: 1 })).toEqual([1]);
  });

  it("are none for an animation that ends before it begins", () => {
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: 0 })).toEqual([]);
    expect(requestedFrames({ animation: true }, { ...SCENE, frameEnd: -50 })).toEqual([]);
  });

  it("are the named ones, whatever the other options", () => {
    expect(requestedFrames({ frames: "2,8..9" }, SCENE)).toEqual([2, 8, 9]);
    expect(requestedFrames({ frames: "2", animation: true }, SCENE)).toEqual([2]);
  });

  it("count from the ends of the range with + and -, as in Blender", () => {
    expect(requestedFrames({ frames: "+1,-2" }, SCENE)).toEqual([2, 9]);
  });
});

describe("frames that are known without the scene", () => {
  it.each([
    ["2,8..9", [2, 8, 9]],
    ["1-3", [1, 2, 3]],
  ])("%s", (frames, told) => {
    expect(framesKnownWithoutScene({ frames })).toEqual(told);
  });

  it.each([[undefined], ["+1"], ["1,-2"], ["1, +2"], ["3..+4"]])("not %s", (frames) => {
    expect(framesKnownWithoutScene(frames === undefined ? {} : { frames })).toBeUndefined();
  });
});

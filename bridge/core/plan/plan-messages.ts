import { isTileable } from "./plan-shape.ts";
import type { JobPlanInputs } from "./plan-types.ts";
import type { CodedMessage, SceneRenderFacts } from "../job/scene-facts.ts";

/** Messages about the plan: why expected tiles are not made, and why frames are rendered in order. */
export function planMessagesOf(shape: JobPlanInputs): readonly CodedMessage[] {
  const scenes = [...shape.scenes.values()];
  const said = [
    ...(shape.wantsTiles ? scenes.flatMap((scene) => [...whyWhole(scene, shape), ...whyNear(scene, shape)]) : []),
    ...whyMixed(shape),
    ...scenes.flatMap(({ inOrder }) => inOrder ?? []),
    ...whyOneDonor(shape),
  ];
  return [...new Map(said.map((reason) => [`${reason.code}\n${reason.message}`, reason])).values()];
}

function whyWhole(scene: SceneRenderFacts, { exact }: JobPlanInputs): readonly CodedMessage[] {
  if (isTileable(scene, exact)) return [];
  if (scene.untileable.length > 0) return scene.untileable;
  if (scene.denoise)
    return [
      {
        code: "whole-frames-exact",
        message: `Scene "${scene.name}" is denoised with settings with which tiles equal the whole frame only nearly: with --exact its frames are not cut into tiles.`,
      },
    ];
  if (scene.denoised)
    return [
      {
        code: "whole-frames-denoised",
        message: `Scene "${scene.name}" is denoised as it renders, which needs whole frames: its frames are not cut into tiles.`,
      },
    ];
  if (scene.inOrder) return []; // its own message says it
  return [
    {
      code: "whole-frames-engine",
      message: `Scene "${scene.name}" renders with ${scene.engine}, which needs whole frames: its frames are not cut into tiles.`,
    },
  ];
}

/** Denoised with settings that leave no way back to the exact sums of samples. */
function whyNear(scene: SceneRenderFacts, { exact }: JobPlanInputs): readonly CodedMessage[] {
  if (scene.denoise?.way !== "near" || !isTileable(scene, exact)) return [];
  return [
    {
      code: "tiles-nearly-equal",
      message: `Scene "${scene.name}" is denoised with settings with which tiles differ from the whole frame in the last digits (about 1 pixel in 3,000, by one step of 255). --exact renders whole frames.`,
    },
  ];
}

/** Cycles scenes that share frames with another engine. */
function whyMixed({ scenes, asFiles }: JobPlanInputs): readonly CodedMessage[] {
  const engines = new Set([...scenes.values()].map(({ engine }) => engine));
  if (asFiles.size === 0 || engines.size < 2) return [];
  return [
    {
      code: "whole-frames-mixed",
      message: `Frames that mix render engines (${[...engines].join(", ")}) are rendered whole, each by one donor.`,
    },
  ];
}

function whyOneDonor({ facts, main, asFiles }: JobPlanInputs): readonly CodedMessage[] {
  if (!facts.output.isMovie || asFiles.size === 0) return [];
  return [
    {
      code: "movie-one-donor",
      message: `Scene "${main.name}" writes a movie with an engine that needs whole frames: one donor renders its frames in order.`,
    },
  ];
}

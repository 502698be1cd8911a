import { isTileable } from "./plan-shape.ts";
import type { JobShape } from "./plan-types.ts";
import type { CodedMessage, SceneRenderFacts } from "../job/scene-facts.ts";

/** Messages about the plan: why expected tiles are not made, and why frames are rendered in order. */
export function planMessagesOf(shape: JobShape): readonly CodedMessage[] {
  const scenes = [...shape.scenes.values()];
  const said = [
    ...(shape.wantsTiles ? scenes.flatMap(whyWhole) : []),
    ...whyMixed(shape),
    ...scenes.flatMap(({ inOrder }) => inOrder ?? []),
    ...whyOneDonor(shape),
  ];
  return [...new Map(said.map((reason) => [`${reason.code}\n${reason.message}`, reason])).values()];
}

function whyWhole(scene: SceneRenderFacts): readonly CodedMessage[] {
  if (isTileable(scene)) return [];
  if (scene.untileable.length > 0) return scene.untileable;
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

/** Cycles scenes that share frames with another engine. */
function whyMixed({ scenes, asFiles }: JobShape): readonly CodedMessage[] {
  const engines = new Set([...scenes.values()].map(({ engine }) => engine));
  if (asFiles.size === 0 || engines.size < 2) return [];
  return [
    {
      code: "whole-frames-mixed",
      message: `Frames that mix render engines (${[...engines].join(", ")}) are rendered whole, each by one donor.`,
    },
  ];
}

function whyOneDonor({ facts, main, asFiles }: JobShape): readonly CodedMessage[] {
  if (!facts.output.isMovie || asFiles.size === 0) return [];
  return [
    {
      code: "movie-one-donor",
      message: `Scene "${main.name}" writes a movie with an engine that needs whole frames: one donor renders its frames in order.`,
    },
  ];
}

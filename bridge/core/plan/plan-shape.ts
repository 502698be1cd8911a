import { FarmError } from "../../kernel/errors.ts";
import type { JobPlanInputs, PlanOptions } from "./plan-types.ts";
import type { SceneFacts, SceneRenderFacts } from "../job/scene-facts.ts";

/** Only Cycles gives the same floats for a part of the frame as for the whole. */
const TILING_ENGINE = "CYCLES";

/** Decides what kind of work the job is. Throws FRAMES_INVALID (none), SCENE_UNKNOWN, DENOISER_MISSING. */
export function jobShapeOf(facts: SceneFacts, options: PlanOptions): JobPlanInputs {
  const wanted = [...new Set(options.frames)];
  if (wanted.length === 0)
    throw new FarmError("FRAMES_INVALID", "there is no frame to render", { advice: "Check the scene's frame range and step." });
  const known = new Map(facts.scenes.map((scene) => [scene.name, scene]));
  const named = new Map(facts.frameInputs.map((entry) => [entry.frame, entry]));
  const frames = wanted.map((frame) => named.get(frame) ?? { frame, sceneFrames: [{ scene: facts.scene, frame }] });
  const scenes = new Map(frames.flatMap(({ sceneFrames }) => sceneFrames.map(({ scene }) => [scene, sceneNamed(scene, known)] as const)));
  const taking = [...scenes.values()];
  const withFiles = frames
    .filter(({ sceneFrames }) => sceneFrames.some(({ scene }) => scenes.get(scene)?.engine !== TILING_ENGINE))
    .map(({ frame }) => frame);
  // A movie is written by one Blender: either ours, from raw frames, or the donor's.
  const asFiles = new Set(facts.output.isMovie && withFiles.length > 0 ? wanted : withFiles);
  const steps = taking.some(({ inOrder }) => inOrder !== undefined);
  const denoised = taking.find((scene) => scene.denoised);
  if (denoised && !facts.hasDenoiser)
    throw new FarmError("DENOISER_MISSING", `scene "${denoised.name}" is denoised, and this Blender has no denoiser`, {
      facts: { scene: denoised.name },
    });
  return {
    facts,
    main: sceneNamed(facts.scene, known),
    scenes,
    frames,
    asFiles,
    stepFrom: steps ? facts.frameStart : undefined,
    inOrder: steps || (facts.output.isMovie && asFiles.size > 0),
    exact: options.exact === true,
    wantsTiles: options.tiles === undefined ? options.still : options.tiles.kind !== "off",
  };
}

/** The scene's facts. Throws SCENE_UNKNOWN. */
export function sceneNamed(name: string, scenes: ReadonlyMap<string, SceneRenderFacts>): SceneRenderFacts {
  const scene = scenes.get(name);
  if (!scene) throw new FarmError("SCENE_UNKNOWN", `the file has no scene "${name}"`, { facts: { scene: name } });
  return scene;
}

/** True when this scene's frames may be cut; `exact`: only into tiles that have the whole frame's bits. */
export function isTileable(scene: SceneRenderFacts, exact: boolean): boolean {
  const { engine, untileable, denoised, denoise, inOrder } = scene;
  const denoisable = !denoised || (denoise !== undefined && !(exact && denoise.way === "near"));
  return engine === TILING_ENGINE && untileable.length === 0 && denoisable && inOrder === undefined;
}

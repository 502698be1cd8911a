import { z } from "zod";
import type { Chunk, ChunkId } from "./chunk.ts";
import { TailFrames } from "./tail-frames.ts";
import type { DenoiseRecipe } from "../job/denoise-recipe.ts";
import { FACTS_LIMITS } from "../job/facts-limits.ts";
import {
  type FrameInputs,
  FrameNumber,
  Name,
  type CodedMessage,
  type Rect,
  SceneFacts,
  type SceneFrame,
  type SceneRenderFacts,
} from "../job/scene-facts.ts";
import { TileGrid, TilesOption } from "./tiles.ts";

/** Identifies a scene frame inside a job. */
export type SceneFrameKey = string;

export const SceneGrid = TileGrid.extend({
  scene: Name,
  /** The last frames may have another grid. */
  late: z.exactOptional(TailFrames),
});
export type SceneGrid = Readonly<z.infer<typeof SceneGrid>>;

export const PlanOptions = z.strictObject({
  /** Requested frames, in their order. */
  frames: z.array(FrameNumber).max(FACTS_LIMITS.maxFrames).readonly(),
  /** One picture (tiles by default), not an animation (frames by default). */
  still: z.boolean(),
  /** What the user asked for; undefined: the default for stills or animations. */
  tiles: z.exactOptional(TilesOption),
  /** No tiles whose bits might differ from the whole frame's. */
  exact: z.exactOptional(z.boolean()),
  /** Render slots that are expected to work on the job. */
  slots: z.number().min(0),
  /** Seconds of such a slot for one sample of one pixel; undefined: a guess is used. */
  secondsPerSamplePixel: z.exactOptional(z.number().positive()),
  /** Grids of an earlier plan of the same job (`JobPlan.grids`): a resumed job is cut exactly as before. */
  grids: z.exactOptional(z.array(SceneGrid).max(FACTS_LIMITS.maxScenes).readonly()),
});
export type PlanOptions = Readonly<z.infer<typeof PlanOptions>>;

/** What a plan is made from, with the chosen grids, so that a resumed job is cut as before. */
export const PlanInput = z.strictObject({ facts: SceneFacts, options: PlanOptions.required({ grids: true }) });
export type PlanInput = Readonly<z.infer<typeof PlanInput>>;

export interface PlannedSceneFrame {
  readonly key: SceneFrameKey;
  readonly sceneFrame: SceneFrame;
  /** `raw`: assembled and finished here. `files`: the donor's Blender writes the final files. */
  readonly kind: "raw" | "files";
  /** Full frame in pixels. */
  readonly width: number;
  readonly height: number;
  /** The part of it that is rendered. */
  readonly region: Rect;
  /** How the assembled picture is denoised; undefined when it is not, or when its whole frame is denoised as it renders. */
  readonly denoise?: DenoiseRecipe | undefined;
  readonly chunks: readonly ChunkId[];
}

export interface JobPlan {
  readonly chunks: readonly Chunk[];
  readonly sceneFrames: readonly PlannedSceneFrame[];
  /** Frames to deliver, in the requested order, and the scene frames of each. */
  readonly outputs: readonly { readonly frame: number; readonly sceneFrames: readonly SceneFrameKey[] }[];
  /** Messages for the user about how the work was cut. */
  readonly messages: readonly CodedMessage[];
  /** Chunks must be rendered one after the other, by one donor at a time. */
  readonly inOrder: boolean;
  /** The grid of each scene with raw frames; 1x1 when frames stay whole. Stored in the journal. */
  readonly grids: readonly SceneGrid[];
}

/** Properties of the whole job, decided once from the facts. */
export interface JobPlanInputs {
  readonly facts: SceneFacts;
  readonly main: SceneRenderFacts;
  /** Scenes that take part, by name. */
  readonly scenes: ReadonlyMap<string, SceneRenderFacts>;
  readonly frames: readonly FrameInputs[];
  /** Frames whose final files donors write, because an engine in them needs whole frames. */
  readonly asFiles: ReadonlySet<number>;
  /** Unbaked simulations: donors step from this frame to each frame. */
  readonly stepFrom: number | undefined;
  readonly inOrder: boolean;
  readonly wantsTiles: boolean;
  readonly exact: boolean;
}

import { z } from "zod";
import type { Chunk, ChunkId } from "./chunk.ts";
import { TailFrames } from "./tail-frames.ts";
import { FACTS_LIMITS } from "../job/facts-limits.ts";
import {
  type FrameInputs,
  FrameNumber,
  Name,
  type Reason,
  type Rect,
  SceneFacts,
  type SceneFrame,
  type SceneRenderFacts,
} from "../job/scene-facts.ts";
import { TileGrid, TilesOption } from "./tiles.ts";

/** Names a unit inside a job. */
export type SceneFrameKey = string;

export const SceneGrid = TileGrid.extend({
  scene: Name,
  /** The last frames are cut otherwise. */
  late: z.exactOptional(TailFrames),
});
export type SceneGrid = Readonly<z.infer<typeof SceneGrid>>;

export const PlanOptions = z.strictObject({
  /** Frames asked for, in the order of the request. */
  frames: z.array(FrameNumber).max(FACTS_LIMITS.maxFrames).readonly(),
  /** One picture (tiles by default), not an animation (frames by default). */
  still: z.boolean(),
  /** What the user asked for; undefined: the default for stills or animations. */
  tiles: z.exactOptional(TilesOption),
  /** Render slots that are expected to work on the job. */
  slots: z.number().min(0),
  /** What one sample of one pixel takes such a slot; undefined: a guess. */
  secondsPerSamplePixel: z.exactOptional(z.number().positive()),
  /** Grids of an earlier plan of the same job (`JobPlan.grids`): a resumed job is cut exactly as before. */
  grids: z.exactOptional(z.array(SceneGrid).max(FACTS_LIMITS.maxScenes).readonly()),
});
export type PlanOptions = Readonly<z.infer<typeof PlanOptions>>;

/** What a plan is made from; the grids are those that were chosen, so that a resumed job is cut as before. */
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
  /** What is rendered of it. */
  readonly region: Rect;
  readonly chunks: readonly ChunkId[];
}

export interface JobPlan {
  readonly chunks: readonly Chunk[];
  readonly sceneFrames: readonly PlannedSceneFrame[];
  /** Frames to deliver, in the order asked for, and the units each is made of. */
  readonly outputs: readonly { readonly frame: number; readonly sceneFrames: readonly SceneFrameKey[] }[];
  /** What the user should know about how the work was cut. */
  readonly messages: readonly Reason[];
  /** Chunks must be rendered one after the other, by one donor at a time. */
  readonly inOrder: boolean;
  /** The grid of each scene that gives floats; 1x1 where frames stay whole. Goes into the journal. */
  readonly grids: readonly SceneGrid[];
}

/** How the whole job is treated, decided once from the facts. */
export interface JobShape {
  readonly facts: SceneFacts;
  readonly main: SceneRenderFacts;
  /** Scenes that take part, by name. */
  readonly scenes: ReadonlyMap<string, SceneRenderFacts>;
  readonly frames: readonly FrameInputs[];
  /** Frames whose final files donors write, because an engine in them needs whole frames. */
  readonly asFiles: ReadonlySet<number>;
  /** Unbaked simulations: donors step to each frame from this one. */
  readonly stepFrom: number | undefined;
  readonly inOrder: boolean;
  readonly wantsTiles: boolean;
}

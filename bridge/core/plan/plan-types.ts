import type { Chunk, ChunkId } from "./chunk.ts";
import type { TailFrames } from "./tail-frames.ts";
import type { FrameInputs, Reason, Rect, SceneFrame, SceneFacts, SceneRenderFacts } from "../job/scene-facts.ts";
import type { TileGrid, TilesOption } from "./tiles.ts";

/** Names a unit inside a job. */
export type SceneFrameKey = string;

export interface PlanOptions {
  /** Frames asked for, in the order of the request. */
  readonly frames: readonly number[];
  /** One picture (tiles by default), not an animation (frames by default). */
  readonly still: boolean;
  /** What the user asked for; undefined: the default for stills or animations. */
  readonly tiles?: TilesOption;
  /** Render slots that are expected to work on the job. */
  readonly slots: number;
  /** What one sample of one pixel takes such a slot; undefined: a guess. */
  readonly secondsPerSamplePixel?: number;
  /** Grids of an earlier plan of the same job (`JobPlan.grids`): a resumed job is cut exactly as before. */
  readonly grids?: readonly SceneGrid[];
}

export interface SceneGrid extends TileGrid {
  readonly scene: string;
  /** The last frames are cut otherwise. */
  readonly late?: TailFrames;
}

export interface PlannedSceneFrame {
  readonly key: SceneFrameKey;
  readonly sceneFrame: SceneFrame;
  /** `floats`: assembled and finished here. `files`: the donor's Blender writes the final files. */
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

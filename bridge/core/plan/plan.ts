import { FarmError } from "../../kernel/errors.ts";
import { type AutoGridInput, autoGrid } from "./auto-grid.ts";
import type { Chunk } from "./chunk.ts";
import { tailFrames } from "./tail-frames.ts";
import { filesChunk, rawChunks } from "./plan-chunks.ts";
import { planMessagesOf } from "./plan-messages.ts";
import { isTileable, sceneNamed, jobShapeOf } from "./plan-shape.ts";
import type { JobPlan, JobPlanInputs, PlannedSceneFrame, PlanOptions, SceneGrid, SceneFrameKey } from "./plan-types.ts";
import type { SceneFrame, SceneFacts, SceneRenderFacts } from "../job/scene-facts.ts";

export type { JobPlan, PlannedSceneFrame, PlanOptions, SceneFrameKey } from "./plan-types.ts";

export const PLAN_LIMITS = { maxChunks: 500_000 } as const;

/**
 * Cuts a job into chunks: tiles of stills, whole frames of animations except the last ones, or as the user asked
 * for. Same input, same plan, same chunk ids; a resumed job relies on it.
 *
 * Throws FRAMES_INVALID (none), SCENE_UNKNOWN, TILES_INVALID (grid does not fit, too many chunks) and
 * DENOISER_MISSING.
 */
export function planJob(facts: SceneFacts, options: PlanOptions): JobPlan {
  const shape = jobShapeOf(facts, options);
  const grids = new Map<string, SceneGrid>();
  const sceneFrames = new Map<SceneFrameKey, PlannedSceneFrame>();
  const outputs = new Map<number, readonly SceneFrameKey[]>();
  const chunks: Chunk[] = [];
  const add = (planned: { readonly sceneFrame: PlannedSceneFrame; readonly chunks: readonly Chunk[] }) => {
    sceneFrames.set(planned.sceneFrame.key, planned.sceneFrame);
    chunks.push(...planned.chunks);
    if (chunks.length > PLAN_LIMITS.maxChunks) throw tooManyChunks();
  };
  const inTurn = shape.inOrder ? shape.frames.toSorted((a, b) => a.frame - b.frame) : shape.frames;
  for (const [index, { frame, sceneFrames: wanted }] of inTurn.entries()) {
    const keys = shape.asFiles.has(frame) ? [filesKey(frame)] : wanted.map(rawKey);
    outputs.set(frame, [...new Set(keys)]);
    if (shape.asFiles.has(frame)) add(filesChunk(filesKey(frame), frame, shape));
    else
      for (const sceneFrame of wanted) {
        if (sceneFrames.has(rawKey(sceneFrame))) continue;
        const grid = gridOf(sceneFrame.scene, shape, options, grids);
        const { late } = grid;
        const isLate = late !== undefined && index >= inTurn.length - late.frames;
        add(rawChunks(rawKey(sceneFrame), sceneFrame, { shape, grid: isLate ? late : grid }));
      }
  }
  return {
    chunks,
    sceneFrames: [...sceneFrames.values()],
    outputs: shape.frames.map(({ frame }) => ({ frame, sceneFrames: outputs.get(frame) ?? [] })),
    messages: planMessagesOf(shape),
    inOrder: shape.inOrder,
    grids: [...grids.values()],
  };
}

function rawKey({ scene, frame }: SceneFrame): SceneFrameKey {
  return `raw:${frame}:${scene}`;
}

function filesKey(frame: number): SceneFrameKey {
  return `files:${frame}`;
}

function gridOf(name: string, shape: JobPlanInputs, options: PlanOptions, chosen: Map<string, SceneGrid>): SceneGrid {
  const known = chosen.get(name);
  if (known) return known;
  const grid = {
    scene: name,
    ...(options.grids?.find(({ scene }) => scene === name) ?? chooseGrid(sceneNamed(name, shape.scenes), shape, options)),
  };
  if (grid.columns * grid.rows * shape.frames.length > PLAN_LIMITS.maxChunks) throw tooManyChunks();
  chosen.set(name, grid);
  return grid;
}

function chooseGrid(scene: SceneRenderFacts, shape: JobPlanInputs, options: PlanOptions): Omit<SceneGrid, "scene"> {
  const whole = { columns: 1, rows: 1 };
  if (shape.inOrder || !isTileable(scene, shape.exact)) return whole;
  if (!shape.wantsTiles) {
    const late = options.tiles === undefined ? tailFrames(autoInput(scene, shape, options)) : undefined;
    return late ? { ...whole, late } : whole;
  }
  if (options.tiles?.kind === "grid") return { columns: options.tiles.columns, rows: options.tiles.rows };
  return autoGrid(autoInput(scene, shape, options));
}

function autoInput(scene: SceneRenderFacts, { frames }: JobPlanInputs, { slots, secondsPerSamplePixel }: PlanOptions): AutoGridInput {
  const { region, samples, overscanPx } = scene;
  const { width, height } = region;
  return { width, height, samples, slots, frames: frames.length, overscanPx, secondsPerSamplePixel };
}

function tooManyChunks(): FarmError {
  return new FarmError("TILES_INVALID", `the job makes more than ${PLAN_LIMITS.maxChunks} chunks`, {
    advice: "Use fewer tiles or fewer frames.",
  });
}

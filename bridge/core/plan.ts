import { FarmError } from "../kernel/errors.ts";
import type { Chunk } from "./chunk.ts";
import { cutFiles, cutFloats } from "./plan-chunks.ts";
import { sentencesOf } from "./plan-sentences.ts";
import { isTileable, sceneNamed, shapeOf } from "./plan-shape.ts";
import type { JobPlan, JobShape, PlannedUnit, PlanOptions, SceneGrid, UnitKey } from "./plan-types.ts";
import type { RenderUnit, SceneFacts, SceneRenderFacts } from "./scene-facts.ts";
import { autoGrid, TILE_RULES, type TileGrid } from "./tiles.ts";

export type { JobPlan, PlannedUnit, PlanOptions, SceneGrid, UnitKey } from "./plan-types.ts";

export const PLAN_LIMITS = { maxChunks: 500_000 } as const;

/**
 * Cuts a job into chunks: tiles of stills, whole frames of animations, or what the user asked for. Same
 * input, same plan, same chunk ids; a resumed job relies on it.
 *
 * Throws FRAMES_INVALID (none), SCENE_UNKNOWN, TILES_INVALID (grid does not fit, too many chunks) and
 * DENOISER_MISSING.
 */
export function planJob(facts: SceneFacts, options: PlanOptions): JobPlan {
  const shape = shapeOf(facts, options);
  const grids = new Map<string, SceneGrid>();
  const units = new Map<UnitKey, PlannedUnit>();
  const outputs = new Map<number, readonly UnitKey[]>();
  const chunks: Chunk[] = [];
  const add = (planned: { readonly unit: PlannedUnit; readonly chunks: readonly Chunk[] }) => {
    units.set(planned.unit.key, planned.unit);
    chunks.push(...planned.chunks);
    if (chunks.length > PLAN_LIMITS.maxChunks) throw tooManyChunks();
  };
  for (const { frame, units: wanted } of shape.inOrder ? shape.frames.toSorted((a, b) => a.frame - b.frame) : shape.frames) {
    const keys = shape.asFiles.has(frame) ? [filesKey(frame)] : wanted.map(floatsKey);
    outputs.set(frame, [...new Set(keys)]);
    if (shape.asFiles.has(frame)) add(cutFiles(filesKey(frame), frame, shape));
    else
      for (const unit of wanted)
        if (!units.has(floatsKey(unit))) add(cutFloats(floatsKey(unit), unit, { shape, grid: gridOf(unit.scene, shape, options, grids) }));
  }
  return {
    chunks,
    units: [...units.values()],
    outputs: shape.frames.map(({ frame }) => ({ frame, units: outputs.get(frame) ?? [] })),
    sentences: sentencesOf(shape),
    inOrder: shape.inOrder,
    grids: [...grids.values()],
  };
}

function floatsKey({ scene, frame }: RenderUnit): UnitKey {
  return `floats:${frame}:${scene}`;
}

function filesKey(frame: number): UnitKey {
  return `files:${frame}`;
}

function gridOf(name: string, shape: JobShape, options: PlanOptions, chosen: Map<string, SceneGrid>): TileGrid {
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

function chooseGrid(scene: SceneRenderFacts, shape: JobShape, options: PlanOptions): TileGrid {
  if (!shape.wantsTiles || shape.inOrder || !isTileable(scene)) return { columns: 1, rows: 1 };
  if (options.tiles?.kind === "grid") return { columns: options.tiles.columns, rows: options.tiles.rows };
  return autoGrid({
    width: scene.region.width,
    height: scene.region.height,
    samples: scene.samples,
    slots: options.slots,
    frames: shape.frames.length,
    apronPx: scene.adaptive ? TILE_RULES.apronPx : 0,
  });
}

function tooManyChunks(): FarmError {
  return new FarmError("TILES_INVALID", `the job makes more than ${PLAN_LIMITS.maxChunks} chunks`, {
    advice: "Ask for fewer tiles or fewer frames.",
  });
}

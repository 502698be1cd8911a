import type { Chunk, ChunkSpec } from "./chunk.ts";
import type { JobPlanInputs, PlannedSceneFrame, SceneFrameKey } from "./plan-types.ts";
import type { Rect, SceneFrame, SceneRenderFacts } from "../job/scene-facts.ts";
import { cutIntoTiles, type TileGrid, withOverscan } from "./tiles.ts";

interface CutSceneFrame {
  readonly sceneFrame: PlannedSceneFrame;
  readonly chunks: readonly Chunk[];
}

/** A whole frame, as the final files that the donor's Blender writes. */
export function filesChunk(key: SceneFrameKey, frame: number, shape: JobPlanInputs): CutSceneFrame {
  const { main, facts } = shape;
  const { path, format, useExtension } = facts.output;
  const output = { name: path.split(/[\\/]/).at(-1) ?? "", format, useExtension };
  const spec: ChunkSpec = { kind: "files", scene: main.name, frame, output, ...stepping(frame, shape) };
  const chunk: Chunk = { id: `${nameInId(main.name)}:${frame}:files`, spec, cost: costOf(main, main.region) };
  return { sceneFrame: { ...sceneFrameOf(key, { scene: main.name, frame }, main, [chunk]), kind: "files" }, chunks: [chunk] };
}

/** One scene frame, raw: whole, or in tiles. */
export function rawChunks(
  key: SceneFrameKey,
  sceneFrame: SceneFrame,
  { shape, grid }: { readonly shape: JobPlanInputs; readonly grid: TileGrid },
): CutSceneFrame {
  const scene = shape.scenes.get(sceneFrame.scene);
  if (!scene) throw new Error(`scene ${sceneFrame.scene} is not part of the job`);
  const tiles = cutIntoTiles(scene.region, grid);
  const recipe = tiles.length > 1 ? scene.denoise : undefined;
  const chunks = tiles.map((tileRect): Chunk => {
    const rect = withOverscan(tileRect, scene.region, scene.overscanPx);
    const { width, height } = scene;
    const spec: ChunkSpec = {
      kind: "raw",
      scene: scene.name,
      frame: sceneFrame.frame,
      width,
      height,
      rect,
      denoise: recipe ? "after-assembly" : scene.denoised ? "in-render" : "none",
      ...(recipe?.film && { film: { exposure: recipe.film.exposure, lightThreshold: recipe.film.lightThreshold } }),
      ...stepping(sceneFrame.frame, shape),
    };
    const id = `${nameInId(scene.name)}:${sceneFrame.frame}:${tileRect.x}-${tileRect.y}-${tileRect.width}-${tileRect.height}`;
    return { id, spec, cost: costOf(scene, rect), ...(sameRect(tileRect, rect) ? {} : { tileRect }) };
  });
  return { sceneFrame: { ...sceneFrameOf(key, sceneFrame, scene, chunks), denoise: recipe }, chunks };
}

function stepping(frame: number, { stepFrom }: JobPlanInputs): { readonly stepFrom?: number } {
  return stepFrom === undefined ? {} : { stepFrom: Math.min(stepFrom, frame) };
}

function sceneFrameOf(key: SceneFrameKey, sceneFrame: SceneFrame, scene: SceneRenderFacts, chunks: readonly Chunk[]): PlannedSceneFrame {
  const { width, height, region } = scene;
  return { key, sceneFrame, kind: "raw", width, height, region, chunks: chunks.map(({ id }) => id) };
}

function costOf(scene: SceneRenderFacts, rect: Rect): number {
  return Math.max(1, scene.samples) * rect.width * rect.height;
}

/** A scene's name may hold any character; an id is plain ASCII without our separators. */
function nameInId(scene: string): string {
  return encodeURIComponent(scene.toWellFormed());
}

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

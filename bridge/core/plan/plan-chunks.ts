import type { Chunk, ChunkSpec } from "./chunk.ts";
import type { JobShape, PlannedUnit, UnitKey } from "./plan-types.ts";
import type { Rect, RenderUnit, SceneRenderFacts } from "../job/scene-facts.ts";
import { cutIntoTiles, type TileGrid, TILE_RULES, withApron } from "./tiles.ts";

interface CutUnit {
  readonly unit: PlannedUnit;
  readonly chunks: readonly Chunk[];
}

/** A whole frame, as the final files that the donor's Blender writes. */
export function cutFiles(key: UnitKey, frame: number, shape: JobShape): CutUnit {
  const { main, facts } = shape;
  const { path, format, useExtension } = facts.output;
  const output = { name: path.split(/[\\/]/).at(-1) ?? "", format, useExtension };
  const spec: ChunkSpec = { kind: "files", scene: main.name, frame, output, ...stepping(frame, shape) };
  const chunk: Chunk = { id: `${nameInId(main.name)}:${frame}:files`, spec, cost: costOf(main, main.region) };
  return { unit: { ...unitOf(key, { scene: main.name, frame }, main, [chunk]), kind: "files" }, chunks: [chunk] };
}

/** One picture of one scene, as floats: whole, or in tiles. */
export function cutFloats(key: UnitKey, unit: RenderUnit, { shape, grid }: { readonly shape: JobShape; readonly grid: TileGrid }): CutUnit {
  const scene = shape.scenes.get(unit.scene);
  if (!scene) throw new Error(`scene ${unit.scene} takes no part in the job`);
  const chunks = cutIntoTiles(scene.region, grid).map((keep): Chunk => {
    const rect = scene.adaptive ? withApron(keep, scene.region, TILE_RULES.apronPx) : keep;
    const { width, height } = scene;
    const spec: ChunkSpec = {
      kind: "floats",
      scene: scene.name,
      frame: unit.frame,
      width,
      height,
      rect,
      denoise: scene.denoised,
      ...stepping(unit.frame, shape),
    };
    const id = `${nameInId(scene.name)}:${unit.frame}:${keep.x}-${keep.y}-${keep.width}-${keep.height}`;
    return { id, spec, cost: costOf(scene, rect), ...(sameRect(keep, rect) ? {} : { keep }) };
  });
  return { unit: unitOf(key, unit, scene, chunks), chunks };
}

function stepping(frame: number, { stepFrom }: JobShape): { readonly stepFrom?: number } {
  return stepFrom === undefined ? {} : { stepFrom: Math.min(stepFrom, frame) };
}

function unitOf(key: UnitKey, unit: RenderUnit, scene: SceneRenderFacts, chunks: readonly Chunk[]): PlannedUnit {
  const { width, height, region } = scene;
  return { key, unit, kind: "floats", width, height, region, chunks: chunks.map(({ id }) => id) };
}

function costOf(scene: SceneRenderFacts, rect: Rect): number {
  return Math.max(1, scene.samples) * rect.width * rect.height;
}

/** A scene's name may hold anything; an id is plain ASCII without separators of ours. */
function nameInId(scene: string): string {
  return encodeURIComponent(scene.toWellFormed());
}

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

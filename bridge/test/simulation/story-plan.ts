import type { Chunk } from "../../core/plan/chunk.ts";
import type { JobPlan, PlannedSceneFrame } from "../../core/plan/plan.ts";
import type { Story } from "./story.ts";

/** The plan of a story's job: a number of frames, each with a number of one-pixel tiles. */
export function planOfStory({ frames, tiles, kind, shared, inOrder }: Story): JobPlan {
  const sceneFrames: PlannedSceneFrame[] = [];
  const chunks: Chunk[] = [];
  const region = { x: 0, y: 0, width: tiles, height: 1 };
  for (let frame = 0; frame < (shared ? 1 : frames); frame++) {
    const ofSceneFrame = Array.from({ length: tiles }, (_, at): Chunk => {
      const spec: Chunk["spec"] =
        kind === "files"
          ? { kind, scene: "Scene", frame, output: { name: "f_####", format: "PNG", useExtension: true } }
          : { kind, scene: "Scene", frame, width: tiles, height: 1, rect: { x: at, y: 0, width: 1, height: 1 }, denoise: "none" };
      return { id: `${frame}.${at}`, spec, cost: 1 };
    });
    chunks.push(...ofSceneFrame);
    const facts = { sceneFrame: { scene: "Scene", frame }, kind, width: tiles, height: 1, region } as const;
    sceneFrames.push({ key: `u${frame}`, ...facts, chunks: ofSceneFrame.map(({ id }) => id) });
  }
  const outputs = Array.from({ length: frames }, (_, frame) => ({ frame, sceneFrames: [shared ? "u0" : `u${frame}`] }));
  return { chunks, sceneFrames, outputs, messages: [], inOrder, grids: [] };
}

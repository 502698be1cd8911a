import { z } from "zod";
import { SceneFacts, SceneFile } from "../../core/job/scene-facts.ts";

/** How many files a scene may name. */
export const MAX_SCENE_FILES = 100_000;

/** What the inspecting Blender answers. */
export const InspectionAnswer = z.strictObject({
  facts: SceneFacts.refine(({ scenes, output }) => scenes.length > 0 && output.files !== undefined, "scenes or output files are not told"),
  files: z.array(SceneFile).min(1).max(MAX_SCENE_FILES),
  /** Looking left the scene as Blender opened it. */
  asOpened: z.boolean(),
});

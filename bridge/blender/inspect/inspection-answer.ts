import { z } from "zod";
import { type CodedMessage, SceneFacts, SceneFile } from "../../core/job/scene-facts.ts";

/** How many files a scene may name. */
export const MAX_SCENE_FILES = 100_000;

/** The answer of the inspecting Blender: all facts of the current version. */
export const InspectionAnswer = z.strictObject({
  facts: SceneFacts.refine(({ output }) => output.files !== undefined, "output files are missing")
    .refine(({ memoryBytes }) => memoryBytes !== undefined, "memory is missing")
    .refine((facts) => reasonsOf(facts).every(({ code }) => /^[a-z][a-z0-9-]*$/.test(code)), "a reason has no code"),
  files: z.array(SceneFile).min(1).max(MAX_SCENE_FILES),
  /** Whether the inspection left the scene unchanged. */
  asOpened: z.boolean(),
});

function reasonsOf({ scenes, warnings }: SceneFacts): readonly CodedMessage[] {
  return [...warnings, ...scenes.flatMap(({ untileable, inOrder }) => (inOrder ? [...untileable, inOrder] : untileable))];
}

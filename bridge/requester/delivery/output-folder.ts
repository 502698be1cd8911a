import { dirname } from "node:path";
import { expectedFiles } from "../../core/plan/expected-files.ts";
import type { SceneFacts } from "../../core/job/scene-facts.ts";

/** The folder of the main output, as Blender names it; a path that ends in a separator is a folder already. */
export function outputFolderOf(output: SceneFacts["output"]): string {
  const file = expectedFiles(output, 1).find(({ kind }) => kind !== "node");
  return dirname(file?.path ?? `${output.path}x`);
}

import { FarmError } from "../../kernel/errors.ts";
import type { SceneFacts } from "../job/scene-facts.ts";

/**
 * Whether a job must be rendered by this machine alone, because donors would leave out the scene's scripts.
 * Throws SCENE_RUNS_SCRIPTS when this machine does not join in.
 */
export function isLocalOnly({ warnings }: Pick<SceneFacts, "warnings">, joinsIn: boolean): boolean {
  const reason = warnings.find(({ code }) => code === "own-scripts");
  if (reason && !joinsIn) throw new FarmError("SCENE_RUNS_SCRIPTS", reason.message);
  return reason !== undefined;
}

import { FarmError } from "../../kernel/errors.ts";

/** The error for a file that changed since the job started. */
export function changedScene(path: string, cause?: unknown): FarmError {
  return new FarmError("SCENE_CHANGED", `${path} changed since the job started`, {
    facts: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

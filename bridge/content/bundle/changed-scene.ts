import { FarmError } from "../../kernel/errors.ts";

/** A file is no longer what the job was begun with. */
export function changedScene(path: string, cause?: unknown): FarmError {
  return new FarmError("SCENE_CHANGED", `${path} changed since the render began`, {
    facts: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

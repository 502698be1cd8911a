import { dirname, resolve } from "node:path";
import { BLENDER_FLAGS, JOB_OPTIONS } from "../../core/job/job-options.ts";
import { BlenderFlags, JobOptions, pickDeclared } from "../../core/job/option-schemas.ts";
import { parseTiles } from "../../core/plan/tiles.ts";
import type { JobSubmission } from "../../gateway/wire/job-submission.ts";
import { FarmError } from "../../kernel/errors.ts";
import { videoFormat } from "../../media/video/video-codecs.ts";
import type { ComputeSelection, RenderRequest } from "../../requester/prepare/prepared-job.ts";

/**
 * Makes a request from a submission (command line or client): Blender's flags and the job's options by name, and the other
 * fields. Throws TILES_INVALID, VIDEO_UNSUPPORTED, USAGE before any work.
 */
export function renderRequest(
  place: Pick<RenderRequest, "scenePath" | "cwd" | "deliver">,
  values: Readonly<Record<string, unknown>>,
): RenderRequest {
  const options = JobOptions.parse(pickDeclared(JOB_OPTIONS, values));
  if (options.tiles !== undefined) parseTiles(options.tiles);
  if (options.video !== undefined) {
    videoFormat(options.video);
    if (place.deliver === "raw") throw new FarmError("USAGE", "a video is made from finished pictures, and raw frames were requested");
  }
  return { ...options, ...place, flags: BlenderFlags.parse(pickDeclared(BLENDER_FLAGS, values)) };
}

/** Makes a request from a client's submission. Throws as `renderRequest` does. */
export function renderRequestOf(submission: JobSubmission): RenderRequest {
  const scenePath = resolve(submission.scenePath);
  return renderRequest({ scenePath, cwd: resolve(submission.cwd ?? dirname(scenePath)), deliver: submission.deliver }, submission);
}

export function computeSelectionOf({ local, peers }: JobSubmission): ComputeSelection {
  return { local: local ? 1 : 0, peers };
}

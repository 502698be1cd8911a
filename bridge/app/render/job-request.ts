import { dirname, resolve } from "node:path";
import type { JobFlags } from "../../core/journal/records.ts";
import { parseTiles } from "../../core/plan/tiles.ts";
import type { JobSubmission } from "../../gateway/wire/job-submission.ts";
import { FarmError } from "../../kernel/errors.ts";
import { videoFormat } from "../../media/video/video-codecs.ts";
import type { RenderRequest, ComputeSelection } from "../../requester/prepared-job.ts";

/** What a client submits, as `bridge render` would have it. Throws TILES_INVALID, VIDEO_UNSUPPORTED, USAGE. */
export function requestOf(submission: JobSubmission): RenderRequest {
  if (typeof submission.video === "string") {
    videoFormat(submission.video);
    if (submission.deliver === "raw") throw new FarmError("USAGE", "a video is made of finished pictures, and floats were asked for");
  }
  const scenePath = resolve(submission.scenePath);
  return {
    scenePath,
    flags: flagsOf(submission),
    frames: submission.frames ?? undefined,
    animation: submission.animation,
    tiles: typeof submission.tiles === "string" ? parseTiles(submission.tiles) : undefined,
    verify: submission.verify,
    video: submission.video ?? undefined,
    cwd: resolve(submission.cwd ?? dirname(scenePath)),
    environment: undefined,
    deliver: submission.deliver,
  };
}

export function computeSelectionOf({ local, peers }: JobSubmission): ComputeSelection {
  return { local: local ? 1 : 0, peers };
}

function flagsOf({ scene, output, format }: JobSubmission): JobFlags {
  return {
    ...(typeof scene === "string" ? { scene } : {}),
    ...(typeof output === "string" ? { output } : {}),
    ...(typeof format === "string" ? { format } : {}),
  };
}

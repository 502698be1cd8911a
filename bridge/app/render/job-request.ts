import { dirname, resolve } from "node:path";
import type { JobFlags } from "../../core/journal/records.ts";
import { parseTiles } from "../../core/plan/tiles.ts";
import type { JobWish } from "../../gateway/wire/job-submission.ts";
import { FarmError } from "../../kernel/errors.ts";
import { videoFormat } from "../../media/video/video-codecs.ts";
import type { RenderRequest, WorkForce } from "../../requester/prepared-job.ts";

/** What a client wishes, as `bridge render` would have it. Throws TILES_INVALID, VIDEO_UNSUPPORTED, USAGE. */
export function requestOf(wish: JobWish): RenderRequest {
  if (typeof wish.video === "string") {
    videoFormat(wish.video);
    if (wish.deliver === "floats") throw new FarmError("USAGE", "a video is made of finished pictures, and floats were asked for");
  }
  const scenePath = resolve(wish.scenePath);
  return {
    scenePath,
    flags: flagsOf(wish),
    frames: wish.frames ?? undefined,
    animation: wish.animation,
    tiles: typeof wish.tiles === "string" ? parseTiles(wish.tiles) : undefined,
    verify: wish.verify,
    video: wish.video ?? undefined,
    cwd: resolve(wish.cwd ?? dirname(scenePath)),
    environment: undefined,
    deliver: wish.deliver,
  };
}

export function forceOf({ local, peers }: JobWish): WorkForce {
  return { local: local ? 1 : 0, peers };
}

function flagsOf({ scene, output, format }: JobWish): JobFlags {
  return {
    ...(typeof scene === "string" ? { scene } : {}),
    ...(typeof output === "string" ? { output } : {}),
    ...(typeof format === "string" ? { format } : {}),
  };
}

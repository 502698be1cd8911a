import type { DeviceClass } from "../../core/plan/chunk.ts";
import type { JobCreated, ReplayedJobState } from "../../core/journal/records.ts";
import { parseFrames } from "../../core/plan/frames.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import type { SceneFacts } from "../../core/job/scene-facts.ts";
import type { BlenderFlags, DeliveryMode, JobOptions } from "../../core/job/option-schemas.ts";

/** What a user asked for. */
export interface RenderRequest extends JobOptions {
  readonly scenePath: string;
  readonly flags: BlenderFlags;
  /** What relative paths are relative to; absolute. */
  readonly cwd: string;
  readonly deliver: DeliveryMode;
}

/** Who works on it: may differ from one resume to the next. */
export interface ComputeSelection {
  /** Render slots on this machine; 0: none. */
  readonly local: number;
  /** Whoever is in the swarm, or only these peers; none of them: this machine alone. */
  readonly peers: "all" | readonly string[];
  /** Owners of donors may look at small pictures of what their machines render. */
  readonly allowPreview?: boolean;
}

/** A job that stands in the journal and can be worked on. */
export interface PreparedJob {
  readonly id: string;
  readonly created: JobCreated;
  readonly facts: SceneFacts;
  readonly plan: JobPlan;
  readonly journalState: ReplayedJobState;
  readonly deviceClass: DeviceClass;
  /** Files the scene names and nobody has. */
  readonly missingFiles: readonly string[];
  readonly video: string | undefined;
  readonly environment: string | undefined;
  readonly deliver: DeliveryMode;
}

/** The frames of a request where they can be told without the scene: +1 and -1 count from its range. */
export function framesKnownWithoutScene(request: Pick<RenderRequest, "frames">): readonly number[] | undefined {
  return request.frames === undefined || /(^|[,.])\s*[+-]/.test(request.frames) ? undefined : parseFrames(request.frames);
}

/** The frames of a request, as Blender would go through them. */
export function requestedFrames(request: Pick<RenderRequest, "frames" | "animation">, facts: SceneFacts): readonly number[] {
  if (request.frames !== undefined) return parseFrames(request.frames, { start: facts.frameStart, end: facts.frameEnd });
  if (!request.animation) return [facts.frameCurrent];
  const count = Math.max(0, Math.floor((facts.frameEnd - facts.frameStart) / facts.frameStep) + 1);
  return Array.from({ length: count }, (_, index) => facts.frameStart + index * facts.frameStep);
}

import { join } from "node:path";
import type { JsonLine } from "../../bridge-command.ts";
import type { Fault } from "../story/fault.ts";
import type { Happenings } from "../story/happenings.ts";

/** Where a job of a story runs, and what it shares with others. */
export interface JobPlace {
  readonly name: string;
  /** The job's own folder: logs, and in `scene` the scene with its pictures. */
  readonly folder: string;
  readonly scenePath: string;
  readonly home: string;
  readonly swarm: string;
  readonly temporary: string;
  readonly donors: readonly string[];
  readonly happenings: Happenings;
}

/** A job's end as seen by its last process or connection. */
export interface Ending {
  readonly job: string | undefined;
  /** Lines since the last resume. */
  readonly last: readonly JsonLine[];
  /** All its lines. */
  readonly all: readonly JsonLine[];
  readonly faults: readonly Fault[];
  /** The process before the last one had completed the job, so there is no end event. */
  readonly endedBefore?: boolean;
}

export const videoOf = (place: JobPlace): string => join(place.folder, "clip.mp4");
export const sceneFolderOf = (place: JobPlace): string => join(place.folder, "scene");

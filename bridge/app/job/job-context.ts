import type { Home } from "../../config/home.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { Database, JobCommand } from "../../database/types.ts";
import type { Log } from "../../kernel/log.ts";
import type { World } from "../../kernel/world.ts";
import type { ComputeSelection, RenderRequest } from "../../requester/prepare/prepared-job.ts";
import type { SharedSwarm } from "../swarm/shared-swarm.ts";
import type { Scratch } from "./scratch.ts";

/** Shared by all jobs of this process. */
export interface ProcessContext {
  readonly world: World;
  readonly home: Home;
  readonly database: Database;
  readonly scratch: Scratch;
  readonly swarm: SharedSwarm;
}

/** Settings that may differ between jobs, and between runs of a job. */
export interface WorkSettings {
  readonly blender: string | undefined;
  readonly threads: number | undefined;
  readonly compute: ComputeSelection;
}

export interface JobCallbacks {
  readonly observe: (event: JobEvent) => void;
  /** Called with a command (`bridge jobs pause`) when it is carried out. */
  readonly onCommand?: (command: JobCommand) => void;
  readonly log: Log;
}

/** The task: a new render, or a job of the journal. */
export type Task =
  | { readonly kind: "new"; readonly job: string; readonly request: RenderRequest }
  | { readonly kind: "resume"; readonly job: string };

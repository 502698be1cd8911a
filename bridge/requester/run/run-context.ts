import type { JobEvent } from "../../core/job/job-events.ts";
import type { Chunk, ChunkId } from "../../core/plan/chunk.ts";
import type { Log } from "../../kernel/log.ts";
import type { StatsCollector } from "./stats-collector.ts";
import type { UntimedEvent } from "./untimed-event.ts";

/** What people hear of a job: its events as they happen, and its figures at the end. */
export interface RunReporter {
  readonly observe: (event: JobEvent) => void;
  readonly stats: StatsCollector;
}

/** What all parts of a running job share. */
export interface RunContext {
  readonly chunks: ReadonlyMap<ChunkId, Chunk>;
  /** Aborts when the run is over: work that is still under way ends by it. */
  readonly signal: AbortSignal;
  readonly report: RunReporter;
  readonly log: Log;
  /** Tells the schedule what came of an effect. */
  tell(event: UntimedEvent): void;
  /** Ends the run because something of this machine failed, for instance the finishing Blender. */
  fail(error: unknown): void;
}

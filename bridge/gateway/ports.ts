import type { z } from "zod";
import type { EventLog } from "./event-log.ts";
import type { JobReport, WireEvent } from "./job-messages.ts";
import type { Method, METHODS, SwarmStatus } from "./messages.ts";

export type Params<M extends Method> = z.output<(typeof METHODS)[M]["params"]>;
export type Result<M extends Method> = z.output<(typeof METHODS)[M]["result"]>;

/** Methods that are a question and its answer; the others are about watching, which the connection sees to. */
export type AnsweredMethod = Exclude<Method, "jobs.watch" | "jobs.unwatch">;

/** Port: the bridge behind the gateway. It decides; the gateway speaks. */
export interface ServedBridge {
  /** Each may throw a FarmError, which the client is told of. `signal` aborts when the client is gone. */
  readonly answers: { readonly [M in AnsweredMethod]: (params: Params<M>, signal: AbortSignal) => Promise<Result<M>> };
  /** Throws JOB_UNKNOWN. */
  job(job: string): Promise<{ readonly report: Omit<JobReport, "first" | "next">; readonly events: EventLog<WireEvent> }>;
  /** Tells of the swarm whenever something changed; returns how to stop. */
  watchSwarm(seen: (status: SwarmStatus) => void): () => void;
}

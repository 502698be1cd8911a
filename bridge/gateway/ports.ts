import type { z } from "zod";
import type { EventLog } from "./event-log.ts";
import type { JobReport, WireEvent } from "./wire/job-messages.ts";
import type { Method, METHODS, SwarmStatus } from "./wire/messages.ts";

export type Params<M extends Method> = z.output<(typeof METHODS)[M]["params"]>;
export type Result<M extends Method> = z.output<(typeof METHODS)[M]["result"]>;

/** Methods with a request and a reply only; the others are about subscriptions and files, and handled by the connection. */
export type RequestMethod = Exclude<Method, "jobs.watch" | "jobs.unwatch" | `files.${string}`>;

/** An upload that is being written. */
export interface IncomingFile {
  /** Throws DISK_FULL. */
  write(data: Uint8Array): Promise<void>;
  /** Completes it; returns its path. Throws DISK_FULL. */
  finish(): Promise<string>;
  /** Removes it. */
  drop(): Promise<void>;
  /** Its client has disconnected: removes it, unless a job has taken it. */
  leave(): Promise<void>;
}

/** Port: the bridge behind the gateway. It decides; the gateway only transports. */
export interface ServedBridge {
  /** Each may throw a FarmError, which is sent to the client. `signal` aborts when the client disconnects. */
  readonly answers: { readonly [M in RequestMethod]: (params: Params<M>, signal: AbortSignal) => Promise<Result<M>> };
  /** Throws JOB_UNKNOWN. */
  job(job: string): Promise<{ readonly report: Omit<JobReport, "first" | "next">; readonly events: EventLog<WireEvent> }>;
  /** Starts an upload. Throws TOO_MANY_UPLOADS, DISK_FULL. */
  receive(name: string, bytes: number): Promise<IncomingFile>;
  /** Throws JOB_UNKNOWN, and FILE_NOT_OF_JOB for a file that this job has not announced. */
  mayTake(job: string, path: string): Promise<void>;
  /** Calls back with the swarm on every change; returns a stop function. */
  watchSwarm(seen: (status: SwarmStatus) => void): () => void;
}

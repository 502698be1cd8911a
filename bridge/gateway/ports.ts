import type { z } from "zod";
import type { EventLog } from "./event-log.ts";
import type { JobReport, WireEvent } from "./wire/job-messages.ts";
import type { Method, METHODS, SwarmStatus } from "./wire/messages.ts";

export type Params<M extends Method> = z.output<(typeof METHODS)[M]["params"]>;
export type Result<M extends Method> = z.output<(typeof METHODS)[M]["result"]>;

/** Methods that are a question and its answer; the others are about watching and files, which the connection sees to. */
export type AnsweredMethod = Exclude<Method, "jobs.watch" | "jobs.unwatch" | `files.${string}`>;

/** A file that a client sends, on its way to the disk. */
export interface IncomingFile {
  /** Throws DISK_FULL. */
  write(data: Uint8Array): Promise<void>;
  /** It has come whole; tells where it lies. Throws DISK_FULL. */
  finish(): Promise<string>;
  /** Nothing of it stays. */
  drop(): Promise<void>;
  /** Its client has gone: nothing of it stays, unless a job has taken it. */
  leave(): Promise<void>;
}

/** Port: the bridge behind the gateway. It decides; the gateway speaks. */
export interface ServedBridge {
  /** Each may throw a FarmError, which the client is told of. `signal` aborts when the client is gone. */
  readonly answers: { readonly [M in AnsweredMethod]: (params: Params<M>, signal: AbortSignal) => Promise<Result<M>> };
  /** Throws JOB_UNKNOWN. */
  job(job: string): Promise<{ readonly report: Omit<JobReport, "first" | "next">; readonly events: EventLog<WireEvent> }>;
  /** Room for a file that a client sends. Throws TOO_MANY_UPLOADS, DISK_FULL. */
  receive(name: string, bytes: number): Promise<IncomingFile>;
  /** Throws JOB_UNKNOWN, and FILE_NOT_OF_JOB for a file that this job itself has not told of. */
  mayTake(job: string, path: string): Promise<void>;
  /** Tells of the swarm whenever something changed; returns how to stop. */
  watchSwarm(seen: (status: SwarmStatus) => void): () => void;
}

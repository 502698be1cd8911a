import { z } from "zod";
import { eventOf, JOB_EVENTS } from "../../core/job/job-events.ts";
import { DeliveryMode } from "../../core/job/option-schemas.ts";
import { FrameNumber } from "../../core/job/scene-facts.ts";
import { JobIdText } from "./job-submission.ts";

/** The bridge's own messages are parsed by its tests only, so strings have no limits here. */
const Words = z.string();
const Count = z.int().min(0);
const Millis = z.number();

export const ErrorBody = z.strictObject({
  /** A code of bridge/ERRORS.md; BUG for an internal error. */
  code: z.string().regex(/^[A-Z_]+$/),
  message: Words,
  advice: Words,
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export const JobState = z.enum([
  /** Waiting to start. */
  "queued",
  /** Its scene is being inspected and packed. */
  "preparing",
  "running",
  /** Running chunks finish, none is started. */
  "paused",
  /** It was cancelled, and its donors are being stopped. */
  "stopping",
  "complete",
  "incomplete",
  "cancelled",
  "failed",
]);
export type JobState = z.infer<typeof JobState>;

export const JobSummary = z.strictObject({
  job: JobIdText,
  title: Words,
  scenePath: Words,
  source: Words.nullable(),
  state: JobState,
  deliver: DeliveryMode,
  createdAt: Millis,
  framesDone: Count,
  /** 0 until the scene was inspected. */
  framesTotal: Count,
  chunksDone: Count,
  chunksTotal: Count,
  /** Null until it can be estimated. */
  secondsLeft: z.number().min(0).nullable(),
  /** Why it failed, or could not start. */
  error: ErrorBody.nullable(),
});
export type JobSummary = z.infer<typeof JobSummary>;

/** Events added by the serving bridge. */
const SERVED = [
  /** The job's summary, on every change of state. The last one is the last event of a job: then nothing of it runs anywhere. */
  eventOf("job-summary", { summary: JobSummary }),
  /** At most once a second. */
  eventOf("progress", {
    framesDone: Count,
    framesTotal: Count,
    chunksDone: Count,
    chunksTotal: Count,
    secondsLeft: z.number().min(0).nullable(),
  }),
] as const;

/** Every kind of event. */
export const EVENT_SCHEMAS = [...JOB_EVENTS, ...SERVED] as const;
export const WireEvent = z.discriminatedUnion("event", EVENT_SCHEMAS);
export type WireEvent = Readonly<z.infer<typeof WireEvent>>;

/** The reply to `jobs.watch`: the job's current state; its events follow. */
export const JobReport = z.strictObject({
  summary: JobSummary,
  /** The number of the first event that follows, and of the next new one. If above `from`: events between were dropped. */
  first: Count,
  next: Count,
  /** Frames whose raw frames are ready and not released. */
  raw: z.array(FrameNumber),
  /** Finished files so far. */
  outputs: z.array(Words),
});
export type JobReport = z.infer<typeof JobReport>;

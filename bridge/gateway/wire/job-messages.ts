import { z } from "zod";
import { eventOf, JOB_EVENTS } from "../../core/job/job-events.ts";
import { Deliver } from "../../core/job/option-schemas.ts";
import { FrameNumber } from "../../core/job/scene-facts.ts";
import { JobName } from "./job-submission.ts";

/** What the bridge says of itself is parsed by its tests only; strings have no caps here. */
const Words = z.string();
const Count = z.int().min(0);
const Millis = z.number();

export const ErrorBody = z.strictObject({
  /** One of bridge/ERRORS.md; BUG for a mistake of ours. */
  code: z.string().regex(/^[A-Z_]+$/),
  message: Words,
  advice: Words,
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export const JobState = z.enum([
  /** Waits for its turn. */
  "queued",
  /** Its scene is looked at and packed. */
  "preparing",
  "running",
  /** What runs at donors ends, nothing new begins. */
  "paused",
  /** It was cancelled, and the swarm is being stopped. */
  "stopping",
  "complete",
  "incomplete",
  "cancelled",
  "failed",
]);
export type JobState = z.infer<typeof JobState>;

export const JobSummary = z.strictObject({
  job: JobName,
  title: Words,
  scenePath: Words,
  source: Words.nullable(),
  state: JobState,
  deliver: Deliver,
  createdAt: Millis,
  framesDone: Count,
  /** 0 until the scene was looked at. */
  framesTotal: Count,
  chunksDone: Count,
  chunksTotal: Count,
  /** Null where nobody can tell yet. */
  secondsLeft: z.number().min(0).nullable(),
  /** Why it failed, or could not begin. */
  error: ErrorBody.nullable(),
});
export type JobSummary = z.infer<typeof JobSummary>;

/** What the bridge that serves the job adds. */
const SERVED = [
  /** The summary of the job list, whenever its state changed. The last word on a job: after its end nothing of it runs anywhere. */
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

/** The reply to `jobs.watch`: how the job stands now; its events follow. */
export const JobReport = z.strictObject({
  summary: JobSummary,
  /** The first event that follows, and the one after the last that has happened. Above `from`: those between are forgotten. */
  first: Count,
  next: Count,
  /** Frames whose raw pictures are here and not released. */
  raw: z.array(FrameNumber),
  /** Finished files so far. */
  outputs: z.array(Words),
});
export type JobReport = z.infer<typeof JobReport>;

import type { JobEvent } from "../../core/job/job-events.ts";
import { emptyProgress, jobSecondsLeft, updateProgress } from "../../core/job/job-progress.ts";
import { EventLog } from "../../gateway/event-log.ts";
import type { ErrorBody, JobSummary, JobState, WireEvent } from "../../gateway/wire/job-messages.ts";
import type { JobSubmission } from "../../gateway/wire/job-submission.ts";
import { GATEWAY_LIMITS } from "../../gateway/wire/limits.ts";
import type { Clock } from "../../kernel/time/clock.ts";

/** How often progress is sent to clients. */
const PROGRESS_EVERY_MS = 1_000;

const ENDED: ReadonlySet<JobState> = new Set(["complete", "incomplete", "cancelled", "failed"]);

export interface ServedJobFacts {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly submission: JobSubmission;
}

/** One job as clients see it: its summary and its event log. */
export class ServedJob {
  readonly facts: ServedJobFacts;
  readonly events = new EventLog<WireEvent>({ kept: GATEWAY_LIMITS.eventsKept });
  readonly #clock: Clock;
  readonly #picture = emptyProgress(0);
  #state: JobState;
  #error: ErrorBody | null = null;
  #rests: boolean;
  #progressMs = Number.NEGATIVE_INFINITY;

  constructor(facts: ServedJobFacts, state: JobState, clock: Clock) {
    this.facts = facts;
    this.#state = state;
    this.#rests = state === "paused";
    this.#clock = clock;
  }

  get id(): string {
    return this.facts.id;
  }

  get state(): JobState {
    return this.#state;
  }

  get hasEnded(): boolean {
    return ENDED.has(this.#state);
  }

  get error(): ErrorBody | null {
    return this.#error;
  }

  get summary(): JobSummary {
    const { id, title, createdAt, submission } = this.facts;
    const { framesDone, framesTotal, chunksDone, chunksTotal } = this.#picture;
    return {
      job: id,
      title,
      scenePath: submission.scenePath,
      source: submission.source ?? null,
      state: this.#state,
      deliver: submission.deliver,
      createdAt,
      framesDone,
      framesTotal,
      chunksDone,
      chunksTotal,
      secondsLeft: this.#secondsLeft,
      error: this.#error,
    };
  }

  /** Its journal's state, if it was started in an earlier run. */
  restore(done: Pick<JobSummary, "framesDone" | "framesTotal" | "chunksDone" | "chunksTotal">, error: ErrorBody | null): void {
    Object.assign(this.#picture, done);
    this.#error = error;
  }

  /** An event of the running job. */
  hear(event: JobEvent): void {
    updateProgress(this.#picture, event, this.#clock.monotonicMs());
    if (event.event === "job-created") this.become(this.#rests ? "paused" : "running");
    this.events.push(this.#clock.now(), event);
    this.#tellProgress();
  }

  become(state: JobState, error: ErrorBody | null = null): void {
    this.#state = state;
    this.#error = error;
    this.events.push(this.#clock.now(), { event: "job-summary", summary: this.summary });
    if (this.hasEnded) this.events.shorten(GATEWAY_LIMITS.endedEventsKept);
  }

  /** Pauses or resumes it; during preparation this takes effect when it would start. */
  wantRest(rests: boolean): void {
    this.#rests = rests;
  }

  get #secondsLeft(): number | null {
    return this.#state === "running" ? (jobSecondsLeft(this.#picture, this.#clock.monotonicMs()) ?? null) : null;
  }

  #tellProgress(): void {
    const nowMs = this.#clock.monotonicMs();
    const { framesDone, framesTotal, chunksDone, chunksTotal } = this.#picture;
    if (framesTotal === 0 || nowMs - this.#progressMs < PROGRESS_EVERY_MS) return;
    this.#progressMs = nowMs;
    const progress = { framesDone, framesTotal, chunksDone, chunksTotal, secondsLeft: this.#secondsLeft };
    this.events.push(this.#clock.now(), { event: "progress", ...progress });
  }
}

import type { JobEvent } from "../../core/job/job-events.ts";
import { errorBodyOf } from "../../gateway/wire/error-body.ts";
import type { JobSummary } from "../../gateway/wire/job-messages.ts";
import type { JobCommand } from "../../database/types.ts";
import type { JobSubmission } from "../../gateway/wire/job-submission.ts";
import { GATEWAY_LIMITS } from "../../gateway/wire/limits.ts";
import { type LinkedAbort, childSignal } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { computeSelectionOf, renderRequestOf } from "../render/job-request.ts";
import { freshJobId } from "../render/jobs.ts";
import type { ServedJob } from "./served-job.ts";
import type { ServedJobsStore } from "./served-jobs-store.ts";
import type { Task, ProcessContext } from "../job/job-context.ts";
import { runJob } from "../job/run-job.ts";

export interface JobQueueDeps {
  readonly processContext: ProcessContext;
  readonly store: ServedJobsStore;
  /** Called with a job's summary when its state has changed. */
  readonly tell: (summary: JobSummary) => void;
  readonly log: Log;
}

export interface JobQueueOptions {
  /** Jobs running at once, without paused ones. */
  readonly atOnce: number;
  readonly blender: string | undefined;
  readonly threads: number | undefined;
}

interface RunningJob {
  readonly life: LinkedAbort;
  readonly done: Promise<void>;
}

/** The jobs that clients submitted: run in order, a limited number at once, and restored by the next bridge. */
export class JobQueue implements AsyncDisposable {
  readonly #deps: JobQueueDeps;
  readonly #options: JobQueueOptions;
  /** Oldest first. */
  readonly #jobs = new Map<string, ServedJob>();
  readonly #running = new Map<string, RunningJob>();
  /** Released by their clients shortly before their end. */
  readonly #released = new Set<string>();
  #isClosing = false;

  constructor(deps: JobQueueDeps, options: JobQueueOptions) {
    this.#deps = deps;
    this.#options = options;
    for (const job of deps.store.load()) this.#jobs.set(job.id, job);
    void this.#forgetOld();
    this.#startWaiting();
  }

  /** Newest first. */
  list(): JobSummary[] {
    return [...this.#jobs.values()].map(({ summary }) => summary).toReversed();
  }

  /** Whether a job has neither ended nor is paused. */
  get isBusy(): boolean {
    return this.#running.size > 0 || [...this.#jobs.values()].some(({ state }) => state === "queued");
  }

  /** Throws JOB_UNKNOWN. */
  get(id: string): ServedJob {
    const job = this.#jobs.get(id);
    if (!job) throw new FarmError("JOB_UNKNOWN", `there is no job ${id}`);
    return job;
  }

  /** Throws TOO_MANY_JOBS, and the errors of an invalid submission. */
  async submit(submission: JobSubmission): Promise<ServedJob> {
    renderRequestOf(submission); // errors are thrown before anything is stored
    const open = [...this.#jobs.values()].filter(({ hasEnded }) => !hasEnded).length;
    if (open >= GATEWAY_LIMITS.maxJobs) throw new FarmError("TOO_MANY_JOBS", `${open} jobs have not ended yet`);
    const job = this.#deps.store.create(this.#unusedId(), submission);
    this.#jobs.set(job.id, job);
    this.#setState(job, "queued");
    this.#startWaiting();
    return job;
  }

  /** Many jobs may be submitted within one second. */
  #unusedId(): string {
    const id = freshJobId(this.#deps.processContext.world);
    return this.#jobs.has(id) ? this.#unusedId() : id;
  }

  /** Its last summary is sent when everything has stopped. */
  cancel(id: string): JobSummary {
    const job = this.get(id);
    if (job.hasEnded || job.state === "stopping") return job.summary;
    const work = this.#running.get(id);
    this.#setState(job, work ? "stopping" : "cancelled");
    work?.life.abort(new FarmError("CANCELLED", "the job was cancelled"));
    return job.summary;
  }

  /** Throws JOB_STATE for a job that has ended. */
  pause(id: string): JobSummary {
    const job = this.#notEnded(id);
    job.wantRest(true);
    if (job.state !== "preparing") this.#setState(job, "paused");
    if (this.#running.has(id)) this.#deps.store.command(id, "pause");
    this.#startWaiting();
    return job.summary;
  }

  /** Throws JOB_STATE for a job that has ended. */
  resume(id: string): JobSummary {
    const job = this.#notEnded(id);
    job.wantRest(false);
    const isAtWork = this.#running.has(id);
    if (isAtWork) this.#deps.store.command(id, "resume");
    if (job.state === "paused") this.#setState(job, isAtWork ? "running" : "queued");
    this.#startWaiting();
    return job.summary;
  }

  /** Throws JOB_STATE for a job that is complete, or about to stop. */
  retry(id: string): JobSummary {
    const job = this.get(id);
    if (job.state === "complete" || job.state === "stopping") throw wrongState(job, "be retried");
    job.wantRest(false);
    if (job.hasEnded) this.#setState(job, "queued");
    this.#startWaiting();
    return job.summary;
  }

  /** Throws JOB_STATE for a job that has not ended; one whose frames are all ready may be released, and is removed at its end. */
  async release(id: string, frame: number | undefined): Promise<void> {
    const job = this.get(id);
    if (frame !== undefined) return await (await this.#deps.store.rawFrames(job))?.release(frame);
    if (this.#running.has(id) && (job.hasEnded || areAllFramesReady(job.summary))) return void this.#released.add(id);
    if (!job.hasEnded) throw wrongState(job, "be let go");
    this.#jobs.delete(id);
    await this.#deps.store.forget(job);
  }

  /** Stops running jobs; the next bridge resumes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    for (const { life } of this.#running.values()) life.abort(new FarmError("CANCELLED", "the bridge is stopping"));
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Starts waiting jobs, oldest first, up to the limit. */
  #startWaiting(): void {
    if (this.#isClosing) return;
    for (const job of this.#jobs.values()) {
      const working = [...this.#running.keys()].filter((id) => this.#jobs.get(id)?.state !== "paused").length;
      if (working >= this.#options.atOnce) return;
      if (job.state === "queued" && !this.#running.has(job.id)) this.#begin(job);
    }
  }

  #begin(job: ServedJob): void {
    const life = childSignal();
    this.#deps.store.forgetCommand(job.id);
    this.#setState(job, "preparing");
    this.#running.set(job.id, { life, done: this.#workThenRest(job, life) });
  }

  async #workThenRest(job: ServedJob, life: LinkedAbort): Promise<void> {
    try {
      await this.#work(job, life.signal);
    } finally {
      this.#running.delete(job.id);
      life.dispose();
    }
    if (this.#released.delete(job.id) && job.hasEnded) await this.#forget(job);
    this.#startWaiting();
  }

  async #work(job: ServedJob, signal: AbortSignal): Promise<void> {
    const { processContext, log } = this.#deps;
    const { submission } = job.facts;
    const settings = {
      blender: submission.blender ?? this.#options.blender,
      threads: this.#options.threads,
      compute: computeSelectionOf(submission),
    };
    const watching = {
      observe: (event: JobEvent) => this.#onEvent(job, event),
      onCommand: (command: JobCommand) => this.#follow(job, command),
      log,
    };
    try {
      const outcome = await runJob(processContext, settings, { task: this.#taskOf(job), watching }, signal);
      await this.#end(job, this.#isClosing && outcome === "cancelled" ? "queued" : outcome);
    } catch (error) {
      if (signal.aborted) return await this.#end(job, this.#isClosing ? "queued" : "cancelled");
      log.warn({ job: job.id, error }, "a job failed");
      this.#setState(job, "failed", error);
    }
  }

  #taskOf({ id, facts }: ServedJob): Task {
    if (this.#deps.store.hasBegun(id)) return { kind: "resume", job: id };
    return { kind: "new", job: id, request: renderRequestOf(facts.submission) };
  }

  async #end(job: ServedJob, state: "queued" | "complete" | "incomplete" | "cancelled" | "failed"): Promise<void> {
    this.#setState(job, state);
    if (state === "complete" && job.facts.submission.deliver === "files") await this.#deps.store.dropOwnedScene(job);
    await this.#forgetOld();
  }

  /** Ended jobs are forgotten after a while, so that raw frames not picked up do not fill the disk. */
  async #forgetOld(): Promise<void> {
    const { endedJobsListed, endedJobsKeptMs } = GATEWAY_LIMITS;
    const oldestMs = this.#deps.processContext.world.clock.now() - endedJobsKeptMs;
    const ended = [...this.#jobs.values()].filter(({ hasEnded, id }) => hasEnded && !this.#running.has(id));
    const old = ended.filter(({ facts }, at) => facts.createdAt < oldestMs || at < ended.length - endedJobsListed);
    for (const job of old) await this.#forget(job);
  }

  async #forget(job: ServedJob): Promise<void> {
    this.#jobs.delete(job.id);
    await this.#deps.store.forget(job).catch((error: unknown) => this.#deps.log.warn({ job: job.id, error }, "an old job stays on disk"));
  }

  #onEvent(job: ServedJob, event: JobEvent): void {
    const before = job.state;
    job.hear(event);
    if (job.state !== before) this.#keep(job);
    if (event.event === "frame-raw") void this.#deps.store.rawFrames(job).then((rawFrames) => rawFrames?.add(event.frame));
  }

  /** Another process may send commands, too: the summary shows the effect. */
  #follow(job: ServedJob, command: JobCommand): void {
    const from = { pause: "running", resume: "paused", cancel: job.state } as const;
    const to = { pause: "paused", resume: "running", cancel: "stopping" } as const;
    if (job.state === from[command] && job.state !== to[command]) this.#setState(job, to[command]);
    if (command === "pause") this.#startWaiting();
  }

  #setState(job: ServedJob, state: JobSummary["state"], error?: unknown): void {
    job.become(state, error === undefined ? null : errorBodyOf(error));
    this.#keep(job);
  }

  /** A full disk must not end the bridge: the next state is stored later, or restored from the journal. */
  #keep(job: ServedJob): void {
    try {
      this.#deps.store.keepState(job);
    } catch (error) {
      this.#deps.log.warn({ job: job.id, error }, "the state of a job could not be stored");
    }
    this.#deps.tell(job.summary);
  }

  #notEnded(id: string): ServedJob {
    const job = this.get(id);
    if (job.hasEnded || job.state === "stopping") throw wrongState(job, "be paused or resumed");
    return job;
  }
}

function areAllFramesReady({ framesDone, framesTotal }: JobSummary): boolean {
  return framesTotal > 0 && framesDone >= framesTotal;
}

function wrongState({ id, state }: ServedJob, what: string): FarmError {
  return new FarmError("JOB_STATE", `job ${id} is ${state}: it cannot ${what}`);
}

import type { JobOutcome } from "../../core/job/job-events.ts";
import type { Jobs } from "../../database/types.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { lockJob } from "../../database/job-lock.ts";

interface Claimed {
  readonly job: string;
  readonly work: () => Promise<JobOutcome>;
  readonly log: Log;
}

/** Does the work while no other process may, and writes down how it ended. Throws JOB_BUSY, and what the work throws. */
export async function withJobLock(jobs: Jobs, { job, work, log }: Claimed, signal: AbortSignal): Promise<JobOutcome> {
  await using _lock = await lockJob(jobs, job, signal);
  try {
    const outcome = await work();
    jobs.setState(job, outcome, systemClock.now());
    return outcome;
  } catch (error) {
    keepEnd(jobs, job, signal.aborted ? "cancelled" : "failed", log);
    throw error;
  }
}

/** A disk that cannot take it must not hide why the job ended; its journal knows where it stands. */
function keepEnd(jobs: Jobs, job: string, state: "cancelled" | "failed", log: Log): void {
  try {
    jobs.setState(job, state, systemClock.now());
  } catch (error) {
    log.warn({ job, error }, "the end of a job could not be written down");
  }
}

import type { JobOutcome } from "../../core/job/job-events.ts";
import type { JobTable } from "../../database/types.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { lockJob } from "../../database/job-lock.ts";

interface Claimed {
  readonly job: string;
  readonly work: () => Promise<JobOutcome>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs `work` under the job's lock, and records how it ended. Throws JOB_BUSY, and what the work throws. */
export async function withJobLock(jobs: JobTable, claimed: Claimed, signal: AbortSignal): Promise<JobOutcome> {
  const { job, work, clock } = claimed;
  await using _lock = await lockJob(jobs, job, signal);
  try {
    const outcome = await work();
    jobs.setState(job, outcome, clock.now());
    return outcome;
  } catch (error) {
    keepEnd(jobs, claimed, signal.aborted ? "cancelled" : "failed");
    throw error;
  }
}

/** A failed write must not hide why the job ended; the journal has its state. */
function keepEnd(jobs: JobTable, { job, clock, log }: Claimed, state: "cancelled" | "failed"): void {
  try {
    jobs.setState(job, state, clock.now());
  } catch (error) {
    log.warn({ job, error }, "the end of a job could not be recorded");
  }
}

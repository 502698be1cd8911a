import type { JobEvent, JobOutcome } from "../../core/job/job-events.ts";
import { endEventBeforeWork } from "../../core/ledger/end-event.ts";
import { isFarmError, messageOf } from "../../kernel/errors.ts";

type Observe = (event: JobEvent) => void;

/**
 * Passes on the events of `work` on a job, and ensures exactly one end event: also when the work throws
 * before it sent one. No end event is sent for a job that another bridge works on: it has not ended.
 */
export async function endOnce(
  job: string,
  observe: Observe,
  work: (observe: Observe) => Promise<JobOutcome>,
  signal: AbortSignal,
): Promise<JobOutcome> {
  let hasEnded = false;
  const tell: Observe = (event) => {
    if (event.event === "job-ended" && hasEnded) throw new Error(`job ${job} ended twice`);
    hasEnded ||= event.event === "job-ended";
    observe(event);
  };
  try {
    const outcome = await work(tell);
    if (!hasEnded) throw new Error(`job ${job} ended without an end event`);
    return outcome;
  } catch (error) {
    if (!hasEnded && !isFarmError(error, "JOB_BUSY"))
      tell(signal.aborted ? endEventBeforeWork(job, "cancelled", null) : failed(job, error));
    throw error;
  }
}

function failed(job: string, error: unknown): JobEvent {
  return endEventBeforeWork(job, "failed", { code: isFarmError(error) ? error.code : "BUG", message: messageOf(error) });
}

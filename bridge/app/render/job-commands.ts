import type { Home } from "../../config/home.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { JobCommand, JobTable } from "../../database/types.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { asItStands, jobOf, type ListedJob } from "./jobs.ts";

/** A command of the user for a job, and whether it was sent to a running bridge (otherwise it took effect here). */
export interface CommandedJob {
  readonly job: string;
  readonly command: JobCommand;
  readonly isSent: boolean;
}

const ENDED: ReadonlySet<ListedJob["state"]> = new Set(["complete", "incomplete", "cancelled", "failed"]);
const DONE_TO_IT = { cancel: "cancelled", pause: "paused", resume: "resumed" } as const;

/**
 * Sends a command to the bridge that works on the job. A job that has not ended and that no bridge works on can still be
 * cancelled. Throws JOB_UNKNOWN, JOB_STATE.
 */
export async function commandJob(clock: Clock, home: Home, id: string, command: JobCommand): Promise<CommandedJob> {
  await using database = openDatabase(home.database);
  const job = jobOf(database, id);
  const { state } = asItStands(clock, database, job);
  const isSent = database.jobs.isLocked(job.id, clock.now());
  if (ENDED.has(state) || !(isSent || command === "cancel"))
    throw new FarmError("JOB_STATE", `job ${job.id} cannot be ${DONE_TO_IT[command]}: it is ${state}`);
  if (isSent) database.jobCommands.set(job.id, command);
  else database.jobs.setState(job.id, "cancelled", clock.now());
  return { job: job.id, command, isSent };
}

/** Whether a bridge has the job paused. Throws JOB_UNKNOWN. */
export async function isPausedInBridge(clock: Clock, home: Home, id: string): Promise<boolean> {
  await using database = openDatabase(home.database);
  const { state } = jobOf(database, id);
  return state === "paused" && database.jobs.isLocked(id, clock.now());
}

/** Shows the effect of commands that a running job gets: in the job list, and as a note to whoever watches the job. */
export function showCommands(
  { jobs, clock, log }: { readonly jobs: Pick<JobTable, "setState">; readonly clock: Clock; readonly log: Log },
  job: string,
  observe: (event: JobEvent) => void,
): (command: JobCommand) => void {
  let isPaused = false;
  return (command) => {
    if (command === "cancel" || isPaused === (command === "pause")) return;
    isPaused = command === "pause";
    try {
      jobs.setState(job, isPaused ? "paused" : "running", clock.now());
    } catch (error) {
      log.warn({ job, error }, "the state of a job could not be stored");
    }
    observe(isPaused ? pausedNote(job) : { event: "note", code: "job-resumed", message: "the job goes on" });
  };
}

function pausedNote(job: string): JobEvent {
  const message = `the job is paused: begun chunks are finished, and no others are started; resume it with: bridge jobs resume ${job}`;
  return { event: "note", code: "job-paused", message };
}

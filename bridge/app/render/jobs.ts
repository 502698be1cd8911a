import type { Home } from "../../config/home.ts";
import type { CodedMessage } from "../../core/job/scene-facts.ts";
import { newJobId } from "../../core/job/job-id.ts";
import { foldJournal } from "../../core/journal/fold.ts";
import type { ReplayedJobState } from "../../core/journal/records.ts";
import { type JobPlan, planJob } from "../../core/plan/plan.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database, JobRow } from "../../database/types.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { World } from "../../kernel/world.ts";

/** A line of the job list: "interrupted" if its last run ended without an end record, for instance when killed. */
export type ListedJob = Omit<JobRow, "state"> & { readonly state: JobRow["state"] | "interrupted" };

/** A job as described by its journal. */
export interface StoredJobReport {
  readonly job: ListedJob;
  /** The error that ended its last run. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly framesDone: number;
  readonly framesTotal: number;
  readonly chunksDone: number;
  readonly chunksTotal: number;
  readonly chunksByDonor: Readonly<Record<string, number>>;
  readonly banned: readonly string[];
  readonly outputs: readonly string[];
  /** What the inspection and the plan said of the scene, all of it. */
  readonly warnings: readonly CodedMessage[];
}

export function freshJobId({ clock, random }: Pick<World, "clock" | "random">): string {
  return newJobId(clock.now(), random.bytes(8));
}

/** Newest first. */
export async function listJobs(clock: Clock, home: Home): Promise<readonly ListedJob[]> {
  await using database = openDatabase(home.database);
  return database.jobs.list().map((job) => asItStands(clock, database, job));
}

/** A job whose row says "running" without a lock was interrupted. */
export function asItStands(clock: Clock, { jobs }: Pick<Database, "jobs">, job: JobRow): ListedJob {
  const isAtWork = job.state !== "running" || jobs.isLocked(job.id, clock.now());
  return isAtWork ? job : { ...job, state: "interrupted" };
}

/** Throws JOB_UNKNOWN. */
export async function reportJob(clock: Clock, home: Home, id: string | undefined): Promise<StoredJobReport> {
  await using database = openDatabase(home.database);
  return makeJobReport(clock, database, jobOf(database, id));
}

export function makeJobReport(clock: Clock, database: Pick<Database, "journal" | "jobs">, job: JobRow): StoredJobReport {
  const memory = foldJournal(database.journal.read(job.id).map(({ record }) => record));
  const plan = memory.created && planJob(memory.created.planInput.facts, memory.created.planInput.options);
  const chunksByDonor: Record<string, number> = {};
  for (const { donor } of memory.accepted.values()) chunksByDonor[donor] = (chunksByDonor[donor] ?? 0) + 1;
  return {
    job: asItStands(clock, database, job),
    error: memory.error ?? null,
    framesDone: memory.finishedFrames.size,
    framesTotal: plan?.outputs.length ?? 0,
    chunksDone: memory.accepted.size,
    chunksTotal: plan?.chunks.length ?? 0,
    chunksByDonor,
    banned: [...memory.banned.keys()],
    outputs: outputsOf(memory),
    warnings: warningsOf(memory, plan),
  };
}

function warningsOf({ created }: Pick<ReplayedJobState, "created">, plan: JobPlan | undefined): readonly CodedMessage[] {
  return created && plan ? [...created.planInput.facts.warnings, ...plan.messages] : [];
}

/** Each file once, in the order of frames. */
function outputsOf({ finishedFrames }: Pick<ReplayedJobState, "finishedFrames">): readonly string[] {
  const inOrder = [...finishedFrames].toSorted(([a], [b]) => a - b);
  return [...new Set(inOrder.flatMap(([, files]) => files.map(({ path }) => path)))];
}

/** The id of the named job: the last one by default. Throws JOB_UNKNOWN. */
export async function jobNamed(home: Home, id: string | undefined): Promise<string> {
  await using database = openDatabase(home.database);
  return jobOf(database, id).id;
}

/** The last job by default. Throws JOB_UNKNOWN. */
export function jobOf(database: Pick<Database, "jobs">, id: string | undefined): JobRow {
  const job = id === undefined ? database.jobs.list()[0] : database.jobs.get(id);
  if (!job) throw new FarmError("JOB_UNKNOWN", id === undefined ? "there are no jobs yet" : `there is no job ${id}`);
  return job;
}

import { join } from "node:path";
import { z } from "zod";
import { assembledFileName } from "../../blender/finish/finisher.ts";
import type { RawImage } from "../../core/job/job-events.ts";
import { foldJournal } from "../../core/journal/fold.ts";
import { planJob } from "../../core/plan/plan.ts";
import { errorBodyOf } from "../../gateway/wire/error-body.ts";
import { ErrorBody, type JobState } from "../../gateway/wire/job-messages.ts";
import { JobSubmission } from "../../gateway/wire/job-submission.ts";
import type { JobRow } from "../../database/types.ts";
import { JobFolder } from "../../requester/job-folder.ts";
import { RawFrames } from "../../requester/delivery/raw-frames.ts";
import { type StoredJobReport, makeJobReport } from "../render/jobs.ts";
import { ServedJob } from "./served-job.ts";
import { sceneTitleOf } from "../job/prepare-ports.ts";
import { sweepUploads, uploadFolderOf } from "./uploads.ts";
import type { ProcessContext } from "../job/job-context.ts";

/** The stored row of a job that a client submitted. */
const Record = z.strictObject({ submission: JobSubmission, error: ErrorBody.nullable() });

/** The submitted jobs on disk, restored when a bridge starts. */
export class ServedJobsStore {
  readonly #processContext: Pick<ProcessContext, "world" | "home" | "database">;
  readonly #rawFrames = new Map<string, Promise<RawFrames | undefined>>();

  constructor(processContext: Pick<ProcessContext, "world" | "home" | "database">) {
    this.#processContext = processContext;
  }

  /** Oldest first. Jobs that were running when the last bridge ended wait again. */
  load(): ServedJob[] {
    const { database } = this.#processContext;
    return database.served.list().flatMap(({ job, body }) => {
      const row = database.jobs.get(job);
      const record = Record.safeParse(parsedJson(body));
      if (!row || !record.success) return [];
      const { submission, error } = record.data;
      const served = new ServedJob(
        { id: job, title: row.title, createdAt: row.createdAt, submission },
        stateOf(row),
        this.#processContext.world.clock,
      );
      this.#recall(served, row, error);
      return [served];
    });
  }

  /** A journal that cannot be read fails only its own job. */
  #recall(job: ServedJob, row: JobRow, error: ErrorBody | null): void {
    try {
      const { framesDone, framesTotal, chunksDone, chunksTotal } = this.#report(row);
      job.restore({ framesDone, framesTotal, chunksDone, chunksTotal }, error);
    } catch (broken) {
      job.become("failed", errorBodyOf(broken));
    }
  }

  /** Stored before the client gets the reply. Throws DISK_FULL. */
  create(id: string, submission: JobSubmission): ServedJob {
    const { database } = this.#processContext;
    const createdAt = this.#processContext.world.clock.now();
    const title = submission.title ?? sceneTitleOf(submission.source ?? submission.scenePath);
    database.served.put(id, JSON.stringify({ submission, error: null }));
    database.jobs.put({ id, createdAt, updatedAt: createdAt, scenePath: submission.scenePath, title, state: "queued" });
    return new ServedJob({ id, title, createdAt, submission }, "queued", this.#processContext.world.clock);
  }

  /** The state for the next bridge. */
  keepState(job: ServedJob): void {
    const { database } = this.#processContext;
    const state = isNotKept(job.state) ? KEPT_AS[job.state] : job.state;
    database.jobs.setState(job.id, state, this.#processContext.world.clock.now());
    database.served.put(job.id, JSON.stringify({ submission: job.facts.submission, error: job.error }));
  }

  /** Whether the job has a journal: then it is resumed from there. */
  hasBegun(job: string): boolean {
    return this.#processContext.database.journal.read(job).some(({ record }) => record.type === "job-created");
  }

  /** Finished files so far, the video last. */
  outputs(job: string): string[] {
    const { database } = this.#processContext;
    const row = database.jobs.get(job);
    if (!row) return [];
    const outputs = [...this.#report(row).outputs];
    const video = row.state === "complete" ? this.#created(job)?.video : undefined;
    return video === undefined ? outputs : [...outputs, video];
  }

  /** Drops commands that an earlier run did not carry out. */
  forgetCommand(job: string): void {
    this.#processContext.database.jobCommands.take(job);
  }

  command(job: string, command: "pause" | "resume"): void {
    this.#processContext.database.jobCommands.set(job, command);
  }

  async rawOf(job: ServedJob, frame: number): Promise<readonly RawImage[]> {
    return (await this.rawFrames(job))?.pictures(frame) ?? [];
  }

  /** The raw frames of a job; none before its inspection, or if it delivers files. */
  async rawFrames({ id, facts }: ServedJob): Promise<RawFrames | undefined> {
    if (facts.submission.deliver !== "raw") return undefined;
    const opening = this.#rawFrames.get(id) ?? this.#openRawFrames(id);
    this.#rawFrames.set(id, opening);
    const rawFrames = await opening;
    if (!rawFrames) this.#rawFrames.delete(id);
    return rawFrames;
  }

  /** Removes the scene copy made for this job; pictures beside it stay. */
  async dropOwnedScene({ facts: { submission } }: ServedJob): Promise<void> {
    if (!submission.owned) return;
    await this.#processContext.world.disk.rm(submission.scenePath, { force: true });
    const folder = this.#uploadFolderOf(submission.scenePath);
    if (folder !== undefined) await this.#processContext.world.disk.rmdir(folder).catch(() => {}); // until the job is released
  }

  /** Whether a job exists whose scene was uploaded to this folder. */
  usesUpload(folder: string): boolean {
    const bodies = this.#processContext.database.served.list().map(({ body }) => Record.safeParse(parsedJson(body)));
    return bodies.some(({ data }) => data && this.#uploadFolderOf(data.submission.scenePath) === folder);
  }

  async sweepUploads(): Promise<void> {
    await sweepUploads(this.#processContext.world.disk, this.#processContext.home.uploads, (folder) => this.usesUpload(folder));
  }

  /** Removes all its files and its row; the job history still has it. */
  async forget(job: ServedJob): Promise<void> {
    const { id } = job;
    this.#rawFrames.delete(id);
    this.#processContext.database.served.delete(id);
    await new JobFolder(this.#processContext.world, this.#processContext.home.jobs, id).dispose();
    await this.dropOwnedScene(job);
    const folder = this.#uploadFolderOf(job.facts.submission.scenePath);
    if (folder !== undefined && !this.usesUpload(folder))
      await this.#processContext.world.disk.rm(folder, { recursive: true, force: true });
  }

  #uploadFolderOf(scenePath: string): string | undefined {
    return uploadFolderOf(this.#processContext.home.uploads, scenePath);
  }

  #report(row: JobRow): StoredJobReport {
    const { world, database } = this.#processContext;
    return makeJobReport(world.clock, database, row);
  }

  #created(job: string) {
    const record = this.#processContext.database.journal.read(job).find(({ record }) => record.type === "job-created")?.record;
    return record?.type === "job-created" ? record.settings : undefined;
  }

  async #openRawFrames(job: string): Promise<RawFrames | undefined> {
    const memory = foldJournal(this.#processContext.database.journal.read(job).map(({ record }) => record));
    if (!memory.created) return undefined;
    const { facts, options } = memory.created.planInput;
    const { assembled } = new JobFolder(this.#processContext.world, this.#processContext.home.jobs, job);
    const rawFrames = new RawFrames(this.#processContext.world.disk, planJob(facts, options), (sceneFrame) =>
      join(assembled, assembledFileName(sceneFrame)),
    );
    for (const frame of memory.finishedFrames.keys()) await rawFrames.recall(frame);
    return rawFrames;
  }
}

function stateOf({ state }: JobRow): JobState {
  return state === "running" ? "queued" : state;
}

/** States of a job that only this process knows. */
const KEPT_AS = { preparing: "running", stopping: "cancelled" } as const;

function isNotKept(state: JobState): state is keyof typeof KEPT_AS {
  return state in KEPT_AS;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

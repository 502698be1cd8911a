import { type JobOutcome, MAX_MISSING_NAMED } from "../../core/job/job-events.ts";
import type { JobRecord } from "../../core/journal/records.ts";
import {
  writtenFilesInLedger,
  framesWritten,
  isWhole,
  type LossReason,
  type Ledger,
  noteVideo,
  firstFilesOfFrames,
} from "../../core/ledger/ledger.ts";
import { filesToFind, outcomeOf } from "../../core/ledger/outcome.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { findFiles } from "../results/find-files.ts";
import type { JobFolder } from "../job-folder.ts";
import type { PreparedJob } from "../prepare/prepared-job.ts";
import type { StatsCollector } from "./stats-collector.ts";
import type { JobPorts } from "../job-ports.ts";

/** How the run of a job ended: nothing is on its way any more, somebody stopped it, or something went wrong. */
export type RunEnd = { readonly how: "settled" | "cancelled" } | { readonly how: "failed"; readonly error: unknown };

export interface RunningJob {
  readonly ports: JobPorts;
  readonly prepared: PreparedJob;
  readonly folder: JobFolder;
  readonly stats: StatsCollector;
  readonly ledger: Ledger;
}

/**
 * The end of a job: its video, a look at every file that must be there, its last record and its last event. What it came
 * to is the ledger's word. Throws what ended the job before its time, when that has been told.
 */
export async function concludeJob(job: RunningJob, end: RunEnd, signal: AbortSignal): Promise<JobOutcome> {
  const { ports, prepared, folder, stats, ledger } = job;
  const ended = end.how === "settled" ? await withVideo(job, signal) : end;
  const found = await findFiles(ports.process.world, filesToFind(ledger), (path) => folder.sizeOf(path));
  const { outcome: came, missing, missingVideo } = outcomeOf(ledger, found, lackOf(ended));
  const outcome = ended.how === "settled" ? came : ended.how;
  const error = errorOf(ended, missing.length === 0 ? missingVideo : undefined);
  await lastRecord(ports, prepared.id, { type: "job-ended", outcome, ...(error && { error }) }, ended);
  await tidy(job, outcome);
  ports.client.observe({
    event: "job-ended",
    job: prepared.id,
    outcome,
    outputs: writtenFilesInLedger(ledger).map(({ path }) => path),
    missingFiles: prepared.missingFiles,
    missing: missing.slice(0, MAX_MISSING_NAMED),
    missingFrames: missing.length,
    error,
    stats: stats.stats(ports.process.world.clock.monotonicMs(), {
      bytesSent: ports.rendering.bytesSent(),
      framesDone: framesWritten(ledger),
    }),
  });
  if (ended.how === "failed") throw ended.error;
  return outcome;
}

/** What the job came to is written down: a folder that does not go makes it nothing else. */
async function tidy({ ports, prepared, folder }: RunningJob, outcome: JobOutcome): Promise<void> {
  try {
    if (outcome === "complete") await (prepared.deliver === "raw" ? folder.keepRaw() : folder.dispose());
    else await ports.process.world.disk.rm(folder.local, { recursive: true, force: true });
  } catch (error) {
    ports.process.log.warn({ folder: folder.root, error }, "a job's folder could not be cleared");
  }
}

/** The video is made of all frames, when they are there. */
async function withVideo({ ports, prepared, ledger }: RunningJob, signal: AbortSignal): Promise<RunEnd> {
  if (prepared.video === undefined || !isWhole(ledger)) return { how: "settled" };
  ports.client.observe({ event: "video-progress", message: `encoding ${prepared.video}` });
  try {
    noteVideo(ledger, await ports.delivery.encodeVideo(firstFilesOfFrames(ledger), prepared.facts.fps, prepared.video, signal));
    return { how: "settled" };
  } catch (error) {
    return signal.aborted ? { how: "cancelled" } : { how: "failed", error };
  }
}

/** Why a frame is missing that nobody has given up. */
function lackOf(end: RunEnd): LossReason {
  if (end.how === "failed") return { code: isFarmError(end.error) ? end.error.code : "JOB_INCOMPLETE", message: messageOf(end.error) };
  if (end.how === "cancelled") return { code: "CANCELLED", message: "the job was stopped before it was made" };
  return { code: "JOB_INCOMPLETE", message: "it was not made, and nobody knows why: please report it" };
}

/** What ended the job before its time, or the one thing that is missing although every frame is there. */
function errorOf(end: RunEnd, lostVideo: string | undefined): { readonly code: string; readonly message: string } | null {
  if (end.how === "failed") return { code: isFarmError(end.error) ? end.error.code : "BUG", message: messageOf(end.error) };
  if (end.how === "cancelled" || lostVideo === undefined) return null;
  return { code: "FILE_LOST", message: `${lostVideo} is no longer as it was written` };
}

/** Where something ended the job already, a disk that takes no record must not hide it. */
async function lastRecord(ports: JobPorts, job: string, record: JobRecord, end: RunEnd): Promise<void> {
  try {
    await ports.journal.append(job, [record]);
  } catch (error) {
    if (end.how !== "failed") throw new FarmError("DISK_FULL", `the end of job ${job} could not be written down`, { cause: error });
    ports.process.log.warn({ job, error }, "the end of a job could not be written down");
  }
}

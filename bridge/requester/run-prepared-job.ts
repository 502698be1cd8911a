import type { JobEvent, JobOutcome } from "../core/job/job-events.ts";
import type { JobRecord } from "../core/journal/records.ts";
import { isLocalOnly } from "../core/plan/local-only.ts";
import { mainFiles } from "../core/plan/expected-files.ts";
import { goesInTurn } from "../core/ledger/in-turn.ts";
import { startLedger } from "../core/ledger/ledger.ts";
import { childSignal } from "../kernel/abort.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { World } from "../kernel/world.ts";
import { concludeJob, type RunningJob, type RunEnd } from "./conclude-job.ts";
import { composeRun, movieOf, ownScene } from "./compose-run.ts";
import { JobFolder } from "./job-folder.ts";
import { type PreparedJob, settingsOf, type ComputeSelection } from "./prepared-job.ts";
import type { JobRun } from "./job-run.ts";
import { RestartingFinisher } from "./delivery/restarting-finisher.ts";
import { LocalDonor } from "./donors/local-donor.ts";
import type { AssembledPath, HashFile, JobFinisher, JobMedia, JobPreview, LocalSlots } from "./ports.ts";
import { withFilesHere } from "./results/restored-results.ts";
import { restoreResults } from "./results/restore-results.ts";
import { StatsCollector } from "./stats-collector.ts";

export interface WorkDeps extends World {
  readonly media: JobMedia;
  readonly hashFile: HashFile;
  readonly preview: JobPreview;
  /** Where assembled floats of this job lie; the finishing Blender looks there. */
  readonly assembledPath: (folder: JobFolder) => AssembledPath;
  readonly openFinisher: (order: PreparedJob, folder: JobFolder, signal: AbortSignal) => Promise<JobFinisher & AsyncDisposable>;
  readonly renderSlots: LocalSlots | undefined;
  /** One more warm Blender, for checks; opened when first needed. */
  readonly checkSlots: LocalSlots;
  readonly encodeVideo: (
    frames: readonly string[],
    fps: { readonly numerator: number; readonly denominator: number },
    out: string,
    signal: AbortSignal,
  ) => Promise<{ readonly path: string; readonly bytes: number }>;
  readonly history: { append(job: string, records: readonly JobRecord[]): Promise<void> };
  /** Brings donors of the swarm to the run until the signal aborts; undefined without a network. */
  readonly recruit: ((order: PreparedJob, run: JobRun, signal: AbortSignal) => Promise<void>) | undefined;
  /** What another process commands this job, asked every second. */
  readonly takeCommand: () => "pause" | "resume" | "cancel" | undefined;
  readonly bytesSent: () => number;
  readonly observe: (event: JobEvent) => void;
  readonly log: Log;
}

export interface WorkOptions {
  readonly jobsFolder: string;
  readonly name: string;
  readonly force: ComputeSelection;
}

/**
 * Works on a job until it ends, and tells how. Throws what stops it for good; an interruption ends it as "cancelled",
 * ready to be resumed.
 */
export async function runPreparedJob(
  deps: WorkDeps,
  remembered: PreparedJob,
  options: WorkOptions,
  parent: AbortSignal,
): Promise<JobOutcome> {
  const folder = new JobFolder(deps, options.jobsFolder, remembered.id);
  await folder.create();
  const order = { ...remembered, memory: await withFilesHere(deps, remembered, folder, movieOf(remembered) !== undefined) };
  const { plan, memory, video } = order;
  const totals = { frames: plan.outputs.length, chunks: plan.chunks.length };
  const tally = new StatsCollector(deps.clock.monotonicMs(), totals, memory.accepted.keys());
  const ledger = startLedger({
    plan,
    written: memory.finishedFrames,
    video,
    isMovie: movieOf(order) !== undefined,
    expected: expectedOf(order),
    inTurn: inTurnOf(order),
  });
  const parts = { folder, tally, ledger };
  announce(deps, order);
  const job = { deps, order, ...parts };
  const end = await runJob(job, options, parent);
  await deps.preview.close(); // it writes in the job's folder, which may go now
  return await concludeJob(job, end, parent);
}

async function runJob({ deps, order, folder, tally, ledger }: RunningJob, options: WorkOptions, parent: AbortSignal): Promise<RunEnd> {
  using life = childSignal(parent);
  await using finisher = new RestartingFinisher({ open: () => deps.openFinisher(order, folder, life.signal), log: deps.log });
  try {
    const composed = composeRun(deps, order, folder, { finisher, tally, ledger });
    const { run } = composed;
    await restoreResults({ ...composed, media: deps.media, files: folder }, order, life.signal);
    // What could not be finished is not worth rendering: an output folder that cannot be written, for instance.
    if (finishesHere(order)) finisher.ready().catch((error: unknown) => run.fail(error));
    if (deps.renderSlots) run.addDonor(localDonor(deps, order, folder, options));
    const recruiting = isLocalOnly(order.facts, deps.renderSlots !== undefined)
      ? undefined
      : deps.recruit?.(order, run, life.signal).catch((error: unknown) => deps.log.warn({ error }, "recruiting ended"));
    const watching = watchCommands(deps, run, life.signal);
    const how = await run.run(parent).finally(() => life.abort(new FarmError("CANCELLED", "the job has ended")));
    await Promise.all([recruiting, watching]);
    return { how };
  } catch (error) {
    return parent.aborted ? { how: "cancelled" } : { how: "failed", error };
  } finally {
    life.abort(new FarmError("CANCELLED", "the job has ended"));
  }
}

/** The main files of each frame, by the inspection's word; floats are no files of Blender's. */
function expectedOf({ facts, deliver }: PreparedJob): (frame: number) => readonly string[] {
  return deliver === "raw" ? () => [] : (frame) => mainFiles(facts.output, frame);
}

/** A movie of all frames is made by one call, and floats are finished by somebody else. */
function inTurnOf(order: PreparedJob): boolean {
  const { plan, facts, created, deliver } = order;
  if (deliver === "raw" || movieOf(order)) return false;
  const { files, missingFiles } = settingsOf(created);
  const frames = plan.outputs.map(({ frame }) => frame);
  return goesInTurn(frames, facts.output.files ?? [], [...files, ...missingFiles]);
}

function announce(deps: WorkDeps, order: PreparedJob): void {
  const { facts, plan, memory } = order;
  const grid = plan.grids.find(({ columns, rows }) => columns * rows > 1);
  deps.observe({
    event: "job-created",
    job: order.id,
    scene: order.created.scenePath,
    blender: facts.blenderVersion,
    frames: plan.outputs.length,
    chunks: plan.chunks.length,
    chunksDone: memory.accepted.size,
    tiles: grid && `${grid.columns}x${grid.rows}`,
  });
  for (const { code, message } of [...facts.warnings, ...plan.messages]) deps.observe({ event: "note", code, message });
}

/** Pictures are made by this machine: of assembled floats, or of nothing that a render engine would make. */
function finishesHere({ plan, deliver }: PreparedJob): boolean {
  return (
    deliver !== "raw" &&
    (plan.sceneFrames.some(({ kind }) => kind === "raw") || plan.outputs.some(({ sceneFrames }) => sceneFrames.length === 0))
  );
}

function localDonor(deps: WorkDeps, order: PreparedJob, folder: JobFolder, options: WorkOptions): LocalDonor {
  if (!deps.renderSlots) throw new Error("no render slots on this machine");
  return new LocalDonor(
    { disk: deps.disk, slots: deps.renderSlots, hashFile: deps.hashFile },
    { name: options.name, scene: ownScene(order), deviceClass: order.deviceClass, directory: folder.local },
  );
}

async function watchCommands(deps: WorkDeps, run: JobRun, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const command = deps.takeCommand();
    if (command) run.command(command);
    await deps.clock.sleep(1_000, signal).catch(() => {});
  }
}

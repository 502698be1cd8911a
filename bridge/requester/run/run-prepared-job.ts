import type { JobOutcome } from "../../core/job/job-events.ts";
import { groupedMessages } from "../../core/job/grouped-messages.ts";
import { isLocalOnly } from "../../core/plan/local-only.ts";
import { mainFiles } from "../../core/plan/expected-files.ts";
import { mustFinishInOrder } from "../../core/ledger/in-turn.ts";
import { startLedger } from "../../core/ledger/ledger.ts";
import { childSignal } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import { concludeJob, type RunningJob, type RunEnd } from "./conclude-job.ts";
import { composeRun, movieRangeOf, sceneInPlace } from "./compose-run.ts";
import { JobFolder } from "../job-folder.ts";
import type { JobPorts } from "../job-ports.ts";
import { type PreparedJob, type ComputeSelection } from "../prepare/prepared-job.ts";
import type { JobRun } from "./job-run.ts";
import { RestartingFinisher } from "../delivery/restarting-finisher.ts";
import { LocalDonor } from "../donors/local-donor.ts";
import { dropMissingFiles } from "../results/restored-results.ts";
import { restoreResults } from "../results/restore-results.ts";
import { StatsCollector } from "./stats-collector.ts";

export interface RunOptions {
  readonly jobsFolder: string;
  readonly name: string;
  readonly compute: ComputeSelection;
}

/**
 * Works on a job until it ends, and tells how. Throws what stops it for good; an interruption ends it as "cancelled",
 * ready to be resumed.
 */
export async function runPreparedJob(
  ports: JobPorts,
  remembered: PreparedJob,
  options: RunOptions,
  parent: AbortSignal,
): Promise<JobOutcome> {
  const folder = new JobFolder(ports.process.world, options.jobsFolder, remembered.id);
  await folder.create();
  const isMovie = movieRangeOf(remembered) !== undefined;
  const prepared = { ...remembered, journalState: await dropMissingFiles(ports.process.world, remembered, folder, isMovie) };
  const { plan, journalState, video } = prepared;
  const totals = { frames: plan.outputs.length, chunks: plan.chunks.length };
  const stats = new StatsCollector(ports.process.world.clock.monotonicMs(), totals, journalState.accepted.keys());
  const ledger = startLedger({
    plan,
    written: journalState.finishedFrames,
    video,
    isMovie,
    expected: expectedOf(prepared),
    inTurn: inTurnOf(prepared),
  });
  const parts = { folder, stats, ledger };
  announce(ports, prepared);
  const job = { ports, prepared, ...parts };
  const end = await runJob(job, options, parent);
  await ports.results.preview.close(); // it writes in the job's folder, which may go now
  return await concludeJob(job, end, parent);
}

async function runJob({ ports, prepared, folder, stats, ledger }: RunningJob, options: RunOptions, parent: AbortSignal): Promise<RunEnd> {
  using life = childSignal(parent);
  await using finisher = new RestartingFinisher({ open: () => ports.delivery.openFinisher(folder, life.signal), log: ports.process.log });
  await using denoiser = ports.delivery.openDenoiser(life.signal);
  try {
    const composed = composeRun(ports, prepared, folder, { finisher, denoiser, stats, ledger });
    const { run } = composed;
    await restoreResults({ ...composed, media: ports.results.media, files: folder }, prepared, life.signal);
    // What could not be finished is not worth rendering: an output folder that cannot be written, for instance.
    if (finishesHere(prepared)) finisher.ready().catch((error: unknown) => run.fail(error));
    if (ports.rendering.slots) run.addDonor(localDonor(ports, prepared, folder, options));
    const recruiting = isLocalOnly(prepared.facts, ports.rendering.slots !== undefined)
      ? undefined
      : ports.rendering
          .recruit?.(prepared, run, life.signal)
          .catch((error: unknown) => ports.process.log.warn({ error }, "recruiting ended"));
    const watching = watchCommands(ports, run, life.signal);
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
function inTurnOf(prepared: PreparedJob): boolean {
  const { plan, facts, created, deliver } = prepared;
  if (deliver === "raw" || movieRangeOf(prepared)) return false;
  const { files, missingFiles } = created.settings;
  const frames = plan.outputs.map(({ frame }) => frame);
  return mustFinishInOrder(frames, facts.output.files ?? [], [...files, ...missingFiles]);
}

function announce(ports: JobPorts, prepared: PreparedJob): void {
  const { facts, plan, journalState } = prepared;
  const grid = plan.grids.find(({ columns, rows }) => columns * rows > 1);
  ports.client.observe({
    event: "job-created",
    job: prepared.id,
    scene: prepared.created.scenePath,
    blender: facts.blenderVersion,
    frames: plan.outputs.length,
    chunks: plan.chunks.length,
    chunksDone: journalState.accepted.size,
    tiles: grid && `${grid.columns}x${grid.rows}`,
  });
  const notes = groupedMessages([...facts.warnings, ...plan.messages], `\`bridge jobs show ${prepared.id} --json\` lists them`);
  for (const { code, message } of notes) ports.client.observe({ event: "note", code, message });
}

/** Pictures are made by this machine: of assembled raw frames, or of nothing that a render engine would make. */
function finishesHere({ plan, deliver }: PreparedJob): boolean {
  return (
    deliver !== "raw" &&
    (plan.sceneFrames.some(({ kind }) => kind === "raw") || plan.outputs.some(({ sceneFrames }) => sceneFrames.length === 0))
  );
}

function localDonor(ports: JobPorts, prepared: PreparedJob, folder: JobFolder, options: RunOptions): LocalDonor {
  if (!ports.rendering.slots) throw new Error("no render slots on this machine");
  return new LocalDonor(
    { disk: ports.process.world.disk, slots: ports.rendering.slots, hashFile: ports.results.hashFile },
    { name: options.name, scene: sceneInPlace(prepared), deviceClass: prepared.deviceClass, directory: folder.local },
  );
}

async function watchCommands(ports: JobPorts, run: JobRun, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const command = ports.client.takeCommand();
    if (command) run.command(command);
    await ports.process.world.clock.sleep(1_000, signal).catch(() => {});
  }
}

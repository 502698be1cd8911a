import { rm } from "node:fs/promises";
import type { JobEvent, JobOutcome } from "../core/job-events.ts";
import type { JobRecord } from "../core/journal/records.ts";
import { staysHere } from "../core/stays-here.ts";
import { childSignal } from "../kernel/abort.ts";
import type { Clock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { type ComposedRun, composeRun, ownScene } from "./compose-run.ts";
import { JobFolder } from "./job-folder.ts";
import type { JobOrder, WorkForce } from "./job-order.ts";
import type { JobRun } from "./job-run.ts";
import { LocalDonor } from "./local-donor.ts";
import type { AssembledPath, HashFile, JobFinisher, JobMedia, JobPreview, LocalSlots } from "./ports.ts";
import { deliveredChunks, withFilesHere } from "./remembered-results.ts";
import { maxFloatBytes } from "./result-desk.ts";
import { RunTally } from "./run-tally.ts";

export interface WorkDeps {
  readonly media: JobMedia;
  readonly hashFile: HashFile;
  readonly preview: JobPreview;
  /** Where assembled floats of this job lie; the finishing Blender looks there. */
  readonly assembledPath: (folder: JobFolder) => AssembledPath;
  readonly openFinisher: (order: JobOrder, folder: JobFolder, signal: AbortSignal) => Promise<JobFinisher & AsyncDisposable>;
  readonly renderSlots: LocalSlots | undefined;
  /** One more warm Blender, for checks; opened when first needed. */
  readonly checkSlots: LocalSlots;
  readonly encodeVideo: (
    frames: readonly string[],
    fps: { readonly numerator: number; readonly denominator: number },
    out: string,
    signal: AbortSignal,
  ) => Promise<string>;
  readonly history: { append(job: string, records: readonly JobRecord[]): Promise<void> };
  /** Brings donors of the swarm to the run until the signal aborts; undefined without a network. */
  readonly recruit: ((order: JobOrder, run: JobRun, signal: AbortSignal) => Promise<void>) | undefined;
  /** What another process wishes of this job, asked every second. */
  readonly takeWish: () => "pause" | "resume" | "cancel" | undefined;
  readonly bytesSent: () => number;
  readonly observe: (event: JobEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface WorkOptions {
  readonly jobsFolder: string;
  readonly name: string;
  readonly force: WorkForce;
}

/** Works on a job until it ends. Throws what stops it for good; an interruption ends it as "cancelled", ready to be resumed. */
export async function workOnJob(deps: WorkDeps, remembered: JobOrder, options: WorkOptions, parent: AbortSignal): Promise<JobOutcome> {
  using life = childSignal(parent);
  const folder = new JobFolder(options.jobsFolder, remembered.id);
  await folder.create();
  const order = { ...remembered, memory: await withFilesHere(remembered, folder) };
  const { plan, memory } = order;
  const tally = new RunTally(
    deps.clock.monotonicMs(),
    { frames: plan.outputs.length, chunks: plan.chunks.length },
    { accepted: memory.accepted.keys(), outputs: memory.finishedFrames },
  );
  announce(deps, order);
  const finisher = lazyFinisher(deps, order, folder, life.signal);
  try {
    const parts = composeRun(deps, order, folder, { finisher: finisher.get, tally });
    await restore(parts, { deps, order, folder }, life.signal);
    // What could not be finished is not worth rendering: an output folder that cannot be written, for instance.
    if (finishesHere(order)) finisher.get().catch((error: unknown) => parts.run.fail(error));
    if (deps.renderSlots) parts.run.addDonor(localDonor(deps, order, folder, options));
    const recruiting = staysHere(order.facts, deps.renderSlots !== undefined)
      ? undefined
      : deps.recruit?.(order, parts.run, life.signal).catch((error: unknown) => deps.log.warn({ error }, "recruiting ended"));
    const watching = watchWishes(deps, parts.run, life.signal);
    const outcome = await parts.run.run(parent).finally(() => life.abort(new FarmError("CANCELLED", "the job has ended")));
    await Promise.all([recruiting, watching]);
    return await conclude(deps, order, { folder, outcome, tally }, parent);
  } finally {
    life.abort(new FarmError("CANCELLED", "the job has ended"));
    await finisher.close();
  }
}

function announce(deps: WorkDeps, order: JobOrder): void {
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
  for (const { code, sentence } of [...facts.warnings, ...plan.sentences]) deps.observe({ event: "note", code, sentence });
}

/** Floats are assembled, and made into pictures by this machine. */
function finishesHere({ plan, deliver }: JobOrder): boolean {
  return deliver !== "floats" && plan.units.some(({ kind }) => kind === "floats");
}

/** The finishing Blender, opened once: ahead of the first frame where one will need it. */
function lazyFinisher(deps: WorkDeps, order: JobOrder, folder: JobFolder, signal: AbortSignal) {
  let opening: Promise<JobFinisher & AsyncDisposable> | undefined;
  const get = () => (opening ??= deps.openFinisher(order, folder, signal));
  const close = async () => (await opening?.catch(() => undefined))?.[Symbol.asyncDispose]();
  return { get, close };
}

function localDonor(deps: WorkDeps, order: JobOrder, folder: JobFolder, options: WorkOptions): LocalDonor {
  if (!deps.renderSlots) throw new Error("no render slots on this machine");
  return new LocalDonor(
    { slots: deps.renderSlots, hashFile: deps.hashFile },
    { name: options.name, scene: ownScene(order), deviceClass: order.deviceClass, directory: folder.local },
  );
}

/** At resume: accepted results of unfinished frames go into their places again. */
async function restore(
  { assembly, results, tiles }: Pick<ComposedRun, "assembly" | "results" | "tiles">,
  { deps, order, folder }: { readonly deps: WorkDeps; readonly order: JobOrder; readonly folder: JobFolder },
  signal: AbortSignal,
): Promise<void> {
  const chunks = new Map(order.plan.chunks.map((chunk) => [chunk.id, chunk]));
  const delivered = deliveredChunks(order);
  for (const accepted of order.memory.accepted.values()) {
    const chunk = chunks.get(accepted.chunk);
    if (!chunk || delivered.has(accepted.chunk)) continue;
    results.commit(accepted.chunk, accepted.donor, accepted.files);
    const floats = accepted.files.find(({ role }) => role === "floats");
    if (chunk.spec.kind === "floats" && floats) {
      const { rect, scene } = chunk.spec;
      const known = await results.summaryOf(scene);
      if (!known)
        results.learn(
          scene,
          deps.media.check(
            folder.result(floats.sha256),
            { width: rect.width, height: rect.height, maxBytes: maxFloatBytes(rect.width, rect.height) },
            signal,
          ),
        );
    }
    await tiles?.show(chunk, accepted.donor, accepted.files, signal);
    await assembly.add(accepted.chunk, accepted.files, signal);
  }
}

async function watchWishes(deps: WorkDeps, run: JobRun, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const wish = deps.takeWish();
    if (wish) run.wish(wish);
    await deps.clock.sleep(1_000, signal).catch(() => {});
  }
}

async function conclude(
  deps: WorkDeps,
  order: JobOrder,
  ended: { readonly folder: JobFolder; readonly outcome: JobOutcome; readonly tally: RunTally },
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { folder, outcome, tally } = ended;
  const outputs = tally.outputs;
  if (outcome === "complete" && order.video !== undefined) {
    deps.observe({ event: "video-progress", sentence: `encoding ${order.video}` });
    outputs.push(await deps.encodeVideo(tally.pictures, order.facts.fps, order.video, signal));
  }
  await deps.history.append(order.id, [{ type: "job-ended", outcome: outcome === "failed" ? "incomplete" : outcome }]);
  if (outcome === "complete") await (order.deliver === "floats" ? folder.keepFloats() : folder.remove());
  else await rm(folder.local, { recursive: true, force: true });
  deps.observe({
    event: "job-ended",
    job: order.id,
    outcome,
    outputs,
    missingFiles: order.missingFiles,
    stats: tally.stats(deps.clock.monotonicMs(), deps.bytesSent()),
  });
  return outcome;
}

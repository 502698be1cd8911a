import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { assembledFileName } from "../../blender/finish/finisher.ts";
import type { Home } from "../../config/home.ts";
import { hashFile } from "../../content/blocks/disk.ts";
import type { PackedBundle } from "../../content/bundle/pack.ts";
import { SceneCopy } from "../../content/bundle/scene-copy.ts";
import type { JobCreated } from "../../core/journal/records.ts";
import type { JobEvent, JobOutcome } from "../../core/job/job-events.ts";
import type { Database, JobCommand } from "../../database/types.ts";
import type { WarmSession } from "../../donor/ports.ts";
import type { RenderSlots } from "../../donor/render-slots.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { World } from "../../kernel/world.ts";
import { findFfmpeg } from "../../media/video/find-ffmpeg.ts";
import { openMedia } from "../../media/worker/media-pool.ts";
import { encodeVideo } from "../../media/video/video.ts";
import { JobFolder } from "../../requester/job-folder.ts";
import { type PreparedJob, type RenderRequest, settingsOf, type ComputeSelection } from "../../requester/prepared-job.ts";
import { prepareJob, reopenJob } from "../../requester/prepare-job.ts";
import { type WorkDeps, runPreparedJob } from "../../requester/run-prepared-job.ts";
import { findLocalBlenders, type ChosenBlender, InspectionBlender, renderSlots } from "./blender-slots.ts";
import { chooseBlender, environmentNamed, type NamedEnvironment, sharingNote } from "../environments/job-environment.ts";
import { endOnce } from "./end-once.ts";
import { jobPreview } from "./job-preview.ts";
import { openOwnFinisher } from "./own-finisher.ts";
import { preparePorts } from "./prepare-ports.ts";
import type { RequesterSwarm } from "../swarm/requester-swarm.ts";
import { type Scratch, STAGE_PREFIX } from "./scratch.ts";
import { SentScene } from "./sent-scene.ts";
import { sentSlots, watchedSession } from "./sent-slots.ts";
import type { SharedSwarm } from "../swarm/shared-swarm.ts";
import { withJobLock } from "./with-job-lock.ts";

/** What all jobs of this process share. */
export interface ProcessContext {
  readonly world: World;
  readonly home: Home;
  readonly database: Database;
  readonly scratch: Scratch;
  readonly swarm: SharedSwarm;
}

/** What may differ from one job to the next, and from one start of it to the next. */
export interface WorkSettings {
  readonly blender: string | undefined;
  readonly threads: number | undefined;
  readonly force: ComputeSelection;
}

export interface Watching {
  readonly observe: (event: JobEvent) => void;
  /** Told what somebody onCommand of the job (`bridge jobs pause`), when it is carried out. */
  readonly onCommand?: (command: JobCommand) => void;
  readonly log: Log;
}

/** What is to be done: a new render, or a job of the journal. */
export type Task =
  | { readonly kind: "new"; readonly job: string; readonly request: RenderRequest }
  | { readonly kind: "resume"; readonly job: string };

/**
 * Works on one job of this process until it ends, and tells that exactly once. Several may run side by side: each has
 * its own Blenders.
 */
export async function runJob(
  processContext: ProcessContext,
  settings: WorkSettings,
  { task, watching }: { readonly task: Task; readonly watching: Watching },
  signal: AbortSignal,
): Promise<JobOutcome> {
  const work = (observe: Watching["observe"]) =>
    prepareAndWork(processContext, settings, { task, watching: { ...watching, observe } }, signal);
  return await endOnce(task.job, watching.observe, work, signal);
}

async function prepareAndWork(
  processContext: ProcessContext,
  settings: WorkSettings,
  { task, watching }: { readonly task: Task; readonly watching: Watching },
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { world, home, database } = processContext;
  const begun = task.kind === "resume" ? createdOf(database, task.job) : undefined;
  const named = environmentOf(database, task, begun);
  const blender = chooseBlender(await findLocalBlenders(home, settings.blender, signal), begun?.blender, named);
  await using scratch = processContext.scratch.inner(task.job);
  const packed: { bundle?: PackedBundle } = {};
  await using inspectionBlender = new InspectionBlender();
  const inspect = inspectionBlender.inspector(scratch, blender, settings.threads);
  const sent = new SentScene(scenePathOf(task, begun), new SceneCopy(new JobFolder(world, home.jobs, task.job).scene), signal);
  if (task.kind === "new") await sent.look();
  const waitingRoom = () => scratch.folder("sent");
  const prepare = preparePorts(processContext, { id: task.job, blender, inspect, sent, waitingRoom, begun: begun?.manifestHash }, packed);
  // While the scene is inspected: this machine's own Blender opens the scene, the swarm is entered and looked at.
  await using own = ownSlots(settings, { blender, scratch, sent });
  const entering = headStart(task, { own, inspectionBlender, local: settings.force.local }, signal).then(() =>
    enterOrAlone(processContext.swarm, settings.force, watching, signal),
  );
  const looking = entering.then((swarm) => swarm?.offeredCapacity(settings.force.peers, signal) ?? { slots: 0 });
  looking.catch(() => {}); // told when the plan asks for it
  const power = async () => {
    const offered = await looking;
    return { ...offered, slots: Math.max(1, settings.force.local + offered.slots) };
  };
  const order =
    task.kind === "new"
      ? await prepareJob(prepare, { ...task.request, environment: named?.digest }, power, signal)
      : await reopenJob(prepare, task.job, signal);
  if (order.deliver === "raw") await inspectionBlender[Symbol.asyncDispose](); // somebody else finishes
  const swarm = await entering;
  if (named && swarm) await shareForJob(swarm, named, processContext, watching);
  const parts = { order, bundle: bundleOf(packed), blender, swarm, own, scratch, inspectionBlender, sent };
  const work = () => workOnPrepared(processContext, settings, { parts, watching }, signal);
  return await withJobLock(database.jobs, { job: order.id, work, clock: world.clock, log: watching.log }, signal);
}

function bundleOf({ bundle }: { readonly bundle?: PackedBundle }): PackedBundle {
  if (!bundle) throw new Error("a prepared job has no bundle");
  return bundle;
}

function environmentOf(database: Database, task: Task, begun: JobCreated | undefined): NamedEnvironment | undefined {
  const reference = task.kind === "new" ? task.request.environment : begun && settingsOf(begun).environment;
  return reference === undefined ? undefined : environmentNamed(database, reference);
}

async function shareForJob(
  swarm: RequesterSwarm,
  named: NamedEnvironment,
  { home, database }: Pick<ProcessContext, "home" | "database">,
  { observe }: Watching,
): Promise<void> {
  await swarm.serveEnvironments(home, database.environments);
  const message = sharingNote(named);
  if (message !== undefined) observe({ event: "note", code: "environment", message });
}

function scenePathOf(task: Task, begun: JobCreated | undefined): string {
  return task.kind === "new" ? resolve(task.request.cwd, task.request.scenePath) : (begun?.scenePath ?? "");
}

function ownSlots({ force, threads }: WorkSettings, { blender, scratch, sent }: Pick<Parts, "blender" | "scratch" | "sent">): RenderSlots {
  return renderSlots(scratch, blender, { slots: Math.max(1, force.local), purpose: "own", ...ownSlotOptions(threads, sent) });
}

/** Of all slots in which this machine renders its own job. */
function ownSlotOptions(threads: number | undefined, sent: SentScene) {
  return {
    local: true,
    around: (session: WarmSession) => watchedSession(session, sent),
    ...(threads === undefined ? {} : { threads: () => threads }),
  };
}

/**
 * This machine's own Blender opens the scene; what goes wrong is told by the inspection, or by the first chunk. Resolves
 * when the Blender that inspects is on its way: loading the network keeps this process busy for a second.
 */
async function headStart(
  task: Task,
  { own, inspectionBlender, local }: { readonly own: RenderSlots; readonly inspectionBlender: InspectionBlender; readonly local: number },
  signal: AbortSignal,
): Promise<void> {
  if (task.kind === "resume") return;
  const path = scenePathOf(task, undefined);
  if (local > 0) own.warmUp({ key: path, path, remap: {} }, signal).catch(() => {});
  await inspectionBlender.started;
}

interface Parts {
  readonly scratch: Scratch;
  readonly inspectionBlender: InspectionBlender;
  readonly sent: SentScene;
  readonly own: RenderSlots;
  readonly order: PreparedJob;
  readonly bundle: PackedBundle;
  readonly blender: ChosenBlender;
  readonly swarm: RequesterSwarm | undefined;
}

interface Work {
  readonly parts: Parts;
  readonly watching: Watching;
}

async function workOnPrepared(
  { world, home, database }: Pick<ProcessContext, "world" | "home" | "database">,
  settings: WorkSettings,
  { parts, watching }: Work,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { force, threads } = settings;
  const { order, blender, swarm, bundle, own, scratch, sent: scene } = parts;
  const { log } = watching;
  const observe = (event: JobEvent) => {
    if (event.event === "frame-finished") scene.wrote(event.outputs);
    watching.observe(event);
  };
  let bytesSent = 0;
  const sent = (bytes: number) => void (bytesSent += bytes);
  await using media = openMedia();
  await using checks = renderSlots(scratch, blender, { slots: 1, purpose: "check", ...ownSlotOptions(threads, scene) });
  await using preview = jobPreview(join(home.jobs, order.id, "preview.png"));
  const deps: WorkDeps = {
    ...world,
    media,
    hashFile: async (path) => ({ sha256: await hashFile(path, signal), bytes: (await stat(path)).size }),
    preview,
    assembledPath: (folder) => (sceneFrame) => join(folder.assembled, assembledFileName(sceneFrame)),
    openFinisher: (_job, folder, end) => finisherOf(settings, parts, folder, end),
    renderSlots: force.local > 0 ? sentSlots(own, scene) : undefined,
    checkSlots: sentSlots(checks, scene),
    encodeVideo: async (frames, fps, out, end) => {
      const { path } = await findFfmpeg(end);
      await encodeVideo({ ffmpeg: path, frames, fps, out }, end);
      return { path: out, bytes: (await stat(out)).size };
    },
    history: { append: (job, records) => database.journal.append(job, records) },
    recruit:
      swarm &&
      ((job, run, end) =>
        swarm.recruit({ bundle, order: job, run }, { peers: force.peers, allowPreview: force.allowPreview === true, observe, sent }, end)),
    takeCommand: () => {
      const command = database.jobCommands.take(order.id);
      if (command) watching.onCommand?.(command);
      return command;
    },
    bytesSent: () => bytesSent,
    observe,
    log,
  };
  return await runPreparedJob(deps, order, { jobsFolder: home.jobs, name: `${hostname()} (this machine)`, force }, signal);
}

async function finisherOf(
  settings: WorkSettings,
  { blender, order, scratch, inspectionBlender, sent }: Pick<Parts, "blender" | "order" | "scratch" | "inspectionBlender" | "sent">,
  folder: JobFolder,
  signal: AbortSignal,
) {
  const { created, facts, id } = order;
  return await openOwnFinisher(
    { sent, scratch, opened: inspectionBlender.take() },
    {
      blender: blender.build,
      scenePath: created.scenePath,
      flags: created.flags,
      cwd: settingsOf(created).cwd,
      assembledFolder: folder.assembled,
      jobScenes: facts.scenes.map(({ name }) => name),
      stageName: `${STAGE_PREFIX}${id}`,
      scratch: await scratch.folder("finish"),
      ...(settings.threads === undefined ? {} : { threads: settings.threads }),
    },
    signal,
  );
}

function createdOf(database: Database, job: string) {
  const record = database.journal.read(job).find(({ record }) => record.type === "job-created")?.record;
  if (record?.type !== "job-created") throw new FarmError("JOB_UNKNOWN", `there is no job ${job}`);
  return record;
}

/** Without a network this machine still renders: a job always works. */
async function enterOrAlone(
  shared: SharedSwarm,
  force: ComputeSelection,
  watching: Watching,
  signal: AbortSignal,
): Promise<RequesterSwarm | undefined> {
  if (force.peers.length === 0) return undefined;
  try {
    return await shared.enter();
  } catch (error) {
    if (force.local === 0 || force.peers !== "all" || signal.aborted) throw error;
    watching.observe({ event: "note", code: "no-network", message: `this machine renders alone: ${messageOf(error)}` });
    return undefined;
  }
}

import { resolve } from "node:path";
import type { PackedBundle } from "../../content/bundle/pack.ts";
import { SceneCopy } from "../../content/bundle/scene-copy.ts";
import type { JobCreated } from "../../core/journal/records.ts";
import type { JobOutcome } from "../../core/job/job-events.ts";
import type { Database } from "../../database/types.ts";
import type { RenderSlots } from "../../donor/render-slots.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import { JobFolder } from "../../requester/job-folder.ts";
import { type ComputeSelection } from "../../requester/prepare/prepared-job.ts";
import { prepareJob, reopenJob } from "../../requester/prepare/prepare-job.ts";
import { findLocalBlenders, InspectionBlender, renderSlots } from "./blender-slots.ts";
import { chooseBlender, environmentNamed, type ResolvedEnvironment, sharingWarning } from "../environments/job-environment.ts";
import { endOnce } from "./end-once.ts";
import type { ProcessContext, Task, JobCallbacks, WorkSettings } from "./job-context.ts";
import { preparePorts } from "./prepare-ports.ts";
import type { RequesterSwarm } from "../swarm/requester-swarm.ts";
import { SentScene } from "./sent-scene.ts";
import type { SharedSwarm } from "../swarm/shared-swarm.ts";
import { withJobLock } from "./with-job-lock.ts";
import { ownSlotOptions, type PreparedJobResources, workOnPrepared } from "./work-on-prepared.ts";

/**
 * Runs one job of this process until it ends, with exactly one end event. Several may run side by side: each has
 * its own Blenders.
 */
export async function runJob(
  processContext: ProcessContext,
  settings: WorkSettings,
  { task, watching }: { readonly task: Task; readonly watching: JobCallbacks },
  signal: AbortSignal,
): Promise<JobOutcome> {
  const work = (observe: JobCallbacks["observe"]) =>
    prepareAndWork(processContext, settings, { task, watching: { ...watching, observe } }, signal);
  return await endOnce(task.job, watching.observe, work, signal);
}

async function prepareAndWork(
  processContext: ProcessContext,
  settings: WorkSettings,
  { task, watching }: { readonly task: Task; readonly watching: JobCallbacks },
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
  const sent = new SentScene(scenePathOf(task, begun), new SceneCopy(new JobFolder(world, home.jobs, task.job).scene), world.clock, signal);
  if (task.kind === "new") await sent.look();
  const waitingRoom = () => scratch.folder("sent");
  const prepare = preparePorts(processContext, { id: task.job, blender, inspect, sent, waitingRoom, begun: begun?.manifestHash }, packed);
  // During inspection: a local Blender opens the scene, the swarm is joined and its capacity measured.
  await using own = ownSlots(settings, { blender, scratch, sent });
  const entering = openSceneInAdvance(task, { own, inspectionBlender, local: settings.compute.local }, signal).then(() =>
    joinSwarmOrAlone(processContext.swarm, settings.compute, watching, signal),
  );
  const looking = entering.then((swarm) => swarm?.offeredCapacity(settings.compute.peers, signal) ?? { slots: 0 });
  looking.catch(() => {}); // reported when the plan needs it
  const power = async () => {
    const offered = await looking;
    return { ...offered, slots: Math.max(1, settings.compute.local + offered.slots) };
  };
  const prepared =
    task.kind === "new"
      ? await prepareJob(prepare, { ...task.request, environment: named?.digest }, power, signal)
      : await reopenJob(prepare, task.job, signal);
  if (prepared.deliver === "raw") await inspectionBlender[Symbol.asyncDispose](); // the client finishes
  const swarm = await entering;
  if (named && swarm) await shareForJob(swarm, named, processContext, watching);
  const parts = { prepared, bundle: bundleOf(packed), blender, swarm, own, scratch, inspectionBlender, sent };
  const work = () => workOnPrepared(processContext, settings, { parts, watching }, signal);
  return await withJobLock(database.jobs, { job: prepared.id, work, clock: world.clock, log: watching.log }, signal);
}

function bundleOf({ bundle }: { readonly bundle?: PackedBundle }): PackedBundle {
  if (!bundle) throw new Error("a prepared job has no bundle");
  return bundle;
}

function environmentOf(database: Database, task: Task, begun: JobCreated | undefined): ResolvedEnvironment | undefined {
  const reference = task.kind === "new" ? task.request.environment : begun && begun.settings.environment;
  return reference === undefined ? undefined : environmentNamed(database, reference);
}

async function shareForJob(
  swarm: RequesterSwarm,
  named: ResolvedEnvironment,
  { home, database }: Pick<ProcessContext, "home" | "database">,
  { observe }: JobCallbacks,
): Promise<void> {
  await swarm.serveEnvironments(home, database.environments);
  const message = sharingWarning(named);
  if (message !== undefined) observe({ event: "note", code: "environment", message });
}

function scenePathOf(task: Task, begun: JobCreated | undefined): string {
  return task.kind === "new" ? resolve(task.request.cwd, task.request.scenePath) : (begun?.scenePath ?? "");
}

function ownSlots(
  { compute, threads }: WorkSettings,
  { blender, scratch, sent }: Pick<PreparedJobResources, "blender" | "scratch" | "sent">,
): RenderSlots {
  return renderSlots(scratch, blender, { slots: Math.max(1, compute.local), purpose: "own", ...ownSlotOptions(threads, sent) });
}

/**
 * A local render slot opens the scene in advance; errors are reported by inspection, or by the first chunk. Resolves
 * when the inspecting Blender has started: loading the network blocks this process for a second.
 */
async function openSceneInAdvance(
  task: Task,
  { own, inspectionBlender, local }: { readonly own: RenderSlots; readonly inspectionBlender: InspectionBlender; readonly local: number },
  signal: AbortSignal,
): Promise<void> {
  if (task.kind === "resume") return;
  const path = scenePathOf(task, undefined);
  if (local > 0) own.warmUp({ key: path, path, remap: {} }, signal).catch(() => {});
  await inspectionBlender.started;
}

function createdOf(database: Database, job: string) {
  const record = database.journal.read(job).find(({ record }) => record.type === "job-created")?.record;
  if (record?.type !== "job-created") throw new FarmError("JOB_UNKNOWN", `there is no job ${job}`);
  return record;
}

/** Without a network this machine still renders alone. */
async function joinSwarmOrAlone(
  shared: SharedSwarm,
  compute: ComputeSelection,
  watching: JobCallbacks,
  signal: AbortSignal,
): Promise<RequesterSwarm | undefined> {
  if (compute.peers.length === 0) return undefined;
  try {
    return await shared.enter();
  } catch (error) {
    if (compute.local === 0 || compute.peers !== "all" || signal.aborted) throw error;
    watching.observe({ event: "note", code: "no-network", message: `this machine renders alone: ${messageOf(error)}` });
    return undefined;
  }
}

import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { assembledFileName, openFinisher } from "../blender/finisher.ts";
import type { Home } from "../config/home.ts";
import { hashFile } from "../content/disk.ts";
import { type PackedBundle, packBundle } from "../content/pack.ts";
import { newJobId } from "../core/job-id.ts";
import type { JobCreated } from "../core/journal/records.ts";
import type { JobEvent, JobOutcome } from "../core/job-events.ts";
import { openDatabase } from "../database/open-database.ts";
import type { Database } from "../database/types.ts";
import type { RenderSlots } from "../donor/render-slots.ts";
import { systemClock } from "../kernel/clock.ts";
import { FarmError, messageOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { findFfmpeg } from "../media/find-ffmpeg.ts";
import { openMedia } from "../media/media-pool.ts";
import { encodeVideo } from "../media/video.ts";
import type { JobFolder } from "../requester/job-folder.ts";
import { type JobOrder, type RenderRequest, settingsOf, type WorkForce } from "../requester/job-order.ts";
import { type PrepareDeps, prepareJob, reopenJob } from "../requester/prepare-job.ts";
import { type WorkDeps, workOnJob } from "../requester/work-on-job.ts";
import { startPlainProcess } from "../sandbox/process-sandbox.ts";
import { blendersHere, type ChosenBlender, Looked, renderSlots } from "./blender-tools.ts";
import { chooseBlender, environmentNamed, type NamedEnvironment, sharingNote } from "./job-environment.ts";
import { jobPreview } from "./job-preview.ts";
import { RequesterSwarm } from "./requester-swarm.ts";
import { openScratch, type Scratch } from "./scratch.ts";

export interface RenderSettings {
  readonly home: Home;
  readonly blender: string | undefined;
  readonly threads: number | undefined;
  readonly force: WorkForce;
  readonly swarm: { readonly swarm: string; readonly bootstrap: readonly string[] };
}

export interface Watching {
  readonly observe: (event: JobEvent) => void;
  readonly log: Log;
}

/** What is to be done: a new render, or a job of the journal. */
export type Task = { readonly kind: "new"; readonly request: RenderRequest } | { readonly kind: "resume"; readonly job: string };

/** How long a claim on a job lasts without being renewed; a killed bridge's jobs are free after it. */
const CLAIM_MS = 4_000;

/** Renders a scene, or goes on with a job, on this machine and the swarm. */
export async function render(settings: RenderSettings, task: Task, watching: Watching, signal: AbortSignal): Promise<JobOutcome> {
  const { home } = settings;
  await using database = openDatabase(home.database, {
    onCorrupt: (sentence) => watching.observe({ event: "note", code: "DATABASE_CORRUPT", sentence }),
  });
  const begun = task.kind === "resume" ? createdOf(database, task.job) : undefined;
  const named = environmentOf(database, task, begun);
  const blender = chooseBlender(await blendersHere(home, settings.blender, signal), begun?.blender, named);
  await using scratch = await openScratch(home);
  const packed: { bundle?: PackedBundle } = {};
  await using looked = new Looked();
  const prepare = prepareDeps(home, { blender, database, inspect: looked.inspector(scratch, blender, settings.threads) }, packed);
  // While the scene is inspected: this machine's own Blender opens the scene, the swarm is entered and looked at.
  await using own = ownSlots(settings, blender, scratch);
  if (task.kind === "new" && settings.force.local > 0) warmUp(own, task.request.scenePath, signal);
  const entering = openSwarmOrAlone(settings, watching, signal);
  await using _left = { [Symbol.asyncDispose]: async () => await (await entering.catch(() => undefined))?.[Symbol.asyncDispose]() };
  const looking = entering.then((swarm) => swarm?.countSlots(settings.force.peers, signal) ?? 0);
  looking.catch(() => {}); // told when the plan asks for it
  const slots = async () => Math.max(1, settings.force.local + (await looking));
  const environment = named?.digest;
  const order =
    task.kind === "new"
      ? await prepareJob(prepare, { ...task.request, environment }, slots, signal)
      : await reopenJob(prepare, task.job, signal);
  const { bundle } = packed;
  if (!bundle) throw new Error("a prepared job has no bundle");
  const swarm = await entering;
  if (named && swarm) await shareForJob(swarm, named, { home, database }, watching);
  return await workUnderClaim(settings, { order, bundle, blender, database, swarm, own, scratch, looked }, watching, signal);
}

function environmentOf(database: Database, task: Task, begun: JobCreated | undefined): NamedEnvironment | undefined {
  const reference = task.kind === "new" ? task.request.environment : begun && settingsOf(begun).environment;
  return reference === undefined ? undefined : environmentNamed(database, reference);
}

async function shareForJob(
  swarm: RequesterSwarm,
  named: NamedEnvironment,
  { home, database }: { readonly home: Home; readonly database: Database },
  { observe }: Watching,
): Promise<void> {
  await swarm.serveEnvironments(home, database.environments);
  const sentence = sharingNote(named);
  if (sentence !== undefined) observe({ event: "note", code: "environment", sentence });
}

function ownSlots({ force, threads }: RenderSettings, blender: ChosenBlender, scratch: Scratch): RenderSlots {
  const threadOption = threads === undefined ? {} : { threads: () => threads };
  return renderSlots(scratch, blender, { slots: Math.max(1, force.local), purpose: "own", local: true, ...threadOption });
}

/** A head start; what goes wrong here is told by the inspection, or by the first chunk. */
function warmUp(own: RenderSlots, scenePath: string, signal: AbortSignal): void {
  own.warmUp({ key: resolve(scenePath), path: resolve(scenePath), remap: {} }, signal).catch(() => {});
}

interface Parts {
  readonly scratch: Scratch;
  readonly looked: Looked;
  readonly own: RenderSlots;
  readonly order: JobOrder;
  readonly bundle: PackedBundle;
  readonly blender: ChosenBlender;
  readonly database: Database;
  readonly swarm: RequesterSwarm | undefined;
}

async function workUnderClaim(settings: RenderSettings, parts: Parts, watching: Watching, signal: AbortSignal): Promise<JobOutcome> {
  const { database, order } = parts;
  const owner = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const claim = () => database.jobs.claim(order.id, owner, { nowMs: systemClock.now(), untilMs: systemClock.now() + CLAIM_MS });
  await claimOrWait(claim, order.id, signal);
  const renewing = setInterval(claim, CLAIM_MS / 3);
  try {
    return await work(settings, parts, watching, signal);
  } catch (error) {
    database.jobs.setState(order.id, signal.aborted ? "cancelled" : "failed", systemClock.now());
    throw error;
  } finally {
    clearInterval(renewing);
    database.jobs.release(order.id, owner);
  }
}

/** The claim of a bridge that was killed a moment ago is waited out. Throws JOB_BUSY. */
async function claimOrWait(claim: () => boolean, job: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + CLAIM_MS + 500;
  while (!claim()) {
    if (systemClock.monotonicMs() > deadlineMs) throw new FarmError("JOB_BUSY", `job ${job} is at work in another bridge`);
    await systemClock.sleep(200, signal);
  }
}

async function work(settings: RenderSettings, parts: Parts, watching: Watching, signal: AbortSignal): Promise<JobOutcome> {
  const { home, force, threads } = settings;
  const { order, blender, database, swarm, bundle, own, scratch } = parts;
  await using media = openMedia();
  const threadOption = threads === undefined ? {} : { threads: () => threads };
  await using checks = renderSlots(scratch, blender, { slots: 1, purpose: "check", local: true, ...threadOption });
  await using preview = jobPreview(join(home.jobs, order.id, "preview.png"));
  const deps: WorkDeps = {
    media,
    hashFile: async (path) => ({ sha256: await hashFile(path, signal), bytes: (await stat(path)).size }),
    preview,
    assembledPath: (folder) => (unit) => join(folder.assembled, assembledFileName(unit)),
    openFinisher: (_job, folder, end) => finisherOf(settings, parts, folder, end),
    renderSlots: force.local > 0 ? own : undefined,
    checkSlots: checks,
    encodeVideo: async (frames, fps, out, end) => {
      const { path } = await findFfmpeg(end);
      await encodeVideo({ ffmpeg: path, frames, fps, out }, end);
      return out;
    },
    history: { append: (job, records) => database.journal.append(job, records) },
    recruit:
      swarm &&
      ((job, run, end) =>
        swarm.recruit({ bundle, order: job, run }, { only: force.peers, mayShow: force.mayShow === true, observe: watching.observe }, end)),
    takeWish: () => database.wishes.take(order.id),
    bytesSent: () => swarm?.bytesSent ?? 0,
    observe: watching.observe,
    clock: systemClock,
    log: watching.log,
  };
  const outcome = await workOnJob(deps, order, { jobsFolder: home.jobs, name: `${hostname()} (this machine)`, force }, signal);
  database.jobs.setState(order.id, outcome, systemClock.now());
  return outcome;
}

async function finisherOf(
  settings: RenderSettings,
  { blender, order, scratch, looked }: Pick<Parts, "blender" | "order" | "scratch" | "looked">,
  folder: JobFolder,
  signal: AbortSignal,
) {
  const { created, facts, id } = order;
  return await openFinisher(
    { start: startPlainProcess, opened: looked.take() },
    {
      blender: blender.build,
      scenePath: created.scenePath,
      flags: created.flags,
      cwd: settingsOf(created).cwd,
      assembledFolder: folder.assembled,
      jobScenes: facts.scenes.map(({ name }) => name),
      stageName: `.p2p-render-${id}`,
      scratch: await scratch.folder("finish"),
      ...(settings.threads === undefined ? {} : { threads: settings.threads }),
    },
    signal,
  );
}

function prepareDeps(
  home: Home,
  { blender, database, inspect }: Pick<Parts, "blender" | "database"> & Pick<PrepareDeps, "inspect">,
  packed: { bundle?: PackedBundle },
): PrepareDeps {
  return {
    blender: blender.build,
    deviceClass: blender.deviceClass,
    inspect,
    pack: async (files, _scenePath, signal) => {
      packed.bundle = await packBundle(files, { cacheDir: join(home.cache, "packs") }, signal);
      return packed.bundle;
    },
    newId: () => newJobId(systemClock.now(), randomBytes(8)),
    history: {
      append: async (job, records) => {
        const [first] = records;
        const nowMs = systemClock.now();
        if (first?.type === "job-created") {
          database.jobs.put({
            id: job,
            createdAt: nowMs,
            updatedAt: nowMs,
            scenePath: first.scenePath,
            title: titleOf(first.scenePath),
            state: "running",
          });
        }
        if (first?.type === "resumed") database.jobs.setState(job, "running", nowMs);
        await database.journal.append(job, records);
      },
      read: (job) => database.journal.read(job).map(({ record }) => record),
    },
  };
}

function createdOf(database: Database, job: string) {
  const record = database.journal.read(job).find(({ record }) => record.type === "job-created")?.record;
  if (record?.type !== "job-created") throw new FarmError("JOB_UNKNOWN", `there is no job ${job}`);
  return record;
}

function titleOf(scenePath: string): string {
  return scenePath.split(/[\\/]/).at(-1) ?? scenePath;
}

/** Without a network this machine still renders: the command always works. */
async function openSwarmOrAlone(settings: RenderSettings, watching: Watching, signal: AbortSignal): Promise<RequesterSwarm | undefined> {
  try {
    return await RequesterSwarm.open(settings.home, settings.swarm, watching.log, signal);
  } catch (error) {
    if (settings.force.local === 0 || settings.force.peers.length > 0 || signal.aborted) throw error;
    watching.observe({ event: "note", code: "no-network", sentence: `this machine renders alone: ${messageOf(error)}` });
    return undefined;
  }
}

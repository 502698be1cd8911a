import { hostname } from "node:os";
import { join } from "node:path";
import { Denoiser } from "../../blender/finish/denoiser.ts";
import { assembledFileName } from "../../blender/finish/finisher.ts";
import { hashFile } from "../../content/blocks/disk.ts";
import type { PackedBundle } from "../../content/bundle/pack.ts";
import type { JobEvent, JobOutcome } from "../../core/job/job-events.ts";
import type { Database, JobCommand } from "../../database/types.ts";
import type { WarmSession } from "../../donor/ports.ts";
import type { RenderSlots } from "../../donor/render-slots.ts";
import type { Log } from "../../kernel/log.ts";
import type { World } from "../../kernel/world.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { findFfmpeg } from "../../media/video/find-ffmpeg.ts";
import { encodeVideo } from "../../media/video/video.ts";
import { openMedia } from "../../media/worker/media-pool.ts";
import type { JobFolder } from "../../requester/job-folder.ts";
import type { JobPorts } from "../../requester/job-ports.ts";
import { type PreparedJob } from "../../requester/prepare/prepared-job.ts";
import { runPreparedJob } from "../../requester/run/run-prepared-job.ts";
import type { RequesterSwarm } from "../swarm/requester-swarm.ts";
import { type ChosenBlender, type InspectionBlender, renderSlots } from "./blender-slots.ts";
import type { ProcessContext, JobCallbacks, WorkSettings } from "./job-context.ts";
import { jobPreview } from "./job-preview.ts";
import { openOwnFinisher } from "./own-finisher.ts";
import { type Scratch, STAGE_PREFIX } from "./scratch.ts";
import type { SentScene } from "./sent-scene.ts";
import { slotsForSentScene, withSceneChangeCheck } from "./slots-for-sent-scene.ts";

/** What was created while the job was prepared. */
export interface PreparedJobResources {
  readonly scratch: Scratch;
  readonly inspectionBlender: InspectionBlender;
  readonly sent: SentScene;
  readonly own: RenderSlots;
  readonly prepared: PreparedJob;
  readonly bundle: PackedBundle;
  readonly blender: ChosenBlender;
  readonly swarm: RequesterSwarm | undefined;
}

interface Work {
  readonly parts: PreparedJobResources;
  readonly watching: JobCallbacks;
}

/** Connects a prepared job to its ports on this machine, and runs it until it ends. */
export async function workOnPrepared(
  { world, home, database }: Pick<ProcessContext, "world" | "home" | "database">,
  settings: WorkSettings,
  { parts, watching }: Work,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { compute, threads } = settings;
  const { prepared, blender, swarm, bundle, own, scratch, sent: scene } = parts;
  const { log } = watching;
  const observe = (event: JobEvent) => {
    if (event.event === "frame-finished") scene.wrote(event.outputs);
    watching.observe(event);
  };
  let bytesSent = 0;
  const sent = (bytes: number) => void (bytesSent += bytes);
  await using media = openMedia();
  await using checks = renderSlots(scratch, blender, { slots: 1, purpose: "check", ...ownSlotOptions(threads, scene) });
  await using preview = jobPreview(world.clock, join(home.jobs, prepared.id, "preview.png"));
  const ports: JobPorts = {
    rendering: {
      slots: compute.local > 0 ? slotsForSentScene(own, scene) : undefined,
      checkSlots: slotsForSentScene(checks, scene),
      recruit:
        swarm &&
        ((job, run, end) =>
          swarm.recruit(
            { bundle, prepared: job, run },
            { peers: compute.peers, allowPreview: compute.allowPreview === true, observe, sent },
            end,
          )),
      bytesSent: () => bytesSent,
    },
    results: {
      media,
      preview,
      hashFile: async (path) => ({ sha256: await hashFile(path, signal), bytes: (await world.disk.stat(path)).size }),
    },
    delivery: deliveryOf({ ...world, log }, settings, parts),
    journal: database.journal,
    client: { observe, takeCommand: () => takeCommand(database, prepared.id, watching) },
    process: { world, log },
  };
  return await runPreparedJob(ports, prepared, { jobsFolder: home.jobs, name: `${hostname()} (this machine)`, compute }, signal);
}

function takeCommand({ jobCommands }: Pick<Database, "jobCommands">, job: string, { onCommand }: JobCallbacks): JobCommand | undefined {
  const command = jobCommands.take(job);
  if (command) onCommand?.(command);
  return command;
}

function deliveryOf(
  { disk, log }: Pick<World, "disk"> & { readonly log: Log },
  settings: WorkSettings,
  parts: PreparedJobResources,
): JobPorts["delivery"] {
  return {
    assembledPath: (folder) => (sceneFrame) => join(folder.assembled, assembledFileName(sceneFrame)),
    openFinisher: (folder, end) => finisherOf(settings, { ...parts, disk }, folder, end),
    openDenoiser: (end) =>
      new Denoiser(
        { start: startPlainProcess, log },
        {
          blender: parts.blender.build,
          scratch: () => parts.scratch.folder("denoise"),
          ...(settings.threads === undefined ? {} : { threads: settings.threads }),
        },
        end,
      ),
    encodeVideo: async (frames, fps, out, end) => {
      const { path } = await findFfmpeg(end);
      await encodeVideo({ ffmpeg: path, frames, fps, out }, end);
      return { path: out, bytes: (await disk.stat(out)).size };
    },
  };
}

/** Threads of all local slots together. */
export function ownSlotOptions(threads: number | undefined, sent: SentScene) {
  return {
    untrusted: false,
    local: true,
    around: (session: WarmSession) => withSceneChangeCheck(session, sent),
    ...(threads === undefined ? {} : { threads: () => threads }),
  };
}

async function finisherOf(
  settings: WorkSettings,
  {
    disk,
    blender,
    prepared,
    scratch,
    inspectionBlender,
    sent,
  }: Pick<PreparedJobResources, "blender" | "prepared" | "scratch" | "inspectionBlender" | "sent"> & Pick<World, "disk">,
  folder: JobFolder,
  signal: AbortSignal,
) {
  const { created, facts, id } = prepared;
  return await openOwnFinisher(
    { disk, sent, scratch, opened: inspectionBlender.take() },
    {
      blender: blender.build,
      scenePath: created.scenePath,
      flags: created.flags,
      cwd: created.settings.cwd,
      assembledFolder: folder.assembled,
      jobScenes: facts.scenes.map(({ name }) => name),
      stageName: `${STAGE_PREFIX}${id}`,
      scratch: await scratch.folder("finish"),
      ...(settings.threads === undefined ? {} : { threads: settings.threads }),
    },
    signal,
  );
}

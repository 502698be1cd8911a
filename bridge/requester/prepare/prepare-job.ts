import { resolve } from "node:path";
import type { DeviceClass } from "../../core/plan/chunk.ts";
import { foldJournal } from "../../core/journal/fold.ts";
import type { JobCreated, JobRecord } from "../../core/journal/records.ts";
import { type JobPlan, planJob } from "../../core/plan/plan.ts";
import type { SceneFacts, SceneFile } from "../../core/job/scene-facts.ts";
import { parseTiles } from "../../core/plan/tiles.ts";
import { JOB_OPTIONS } from "../../core/job/job-options.ts";
import { JobOptions, pickDeclared } from "../../core/job/option-schemas.ts";
import type { SwarmCapacity } from "../../core/plan/swarm-capacity.ts";
import { FarmError } from "../../kernel/errors.ts";
import { framesKnownWithoutScene, requestedFrames, type PreparedJob, type RenderRequest } from "./prepared-job.ts";
import { type OutputTrials, tryOutputs } from "./try-outputs.ts";

export interface PreparePorts extends OutputTrials {
  readonly blender: { readonly version: string; readonly buildHash: string };
  readonly deviceClass: DeviceClass;
  readonly inspect: (
    request: Pick<RenderRequest, "scenePath" | "flags" | "cwd"> & { readonly frames: readonly number[] | undefined },
    signal: AbortSignal,
  ) => Promise<{ readonly facts: SceneFacts; readonly files: readonly SceneFile[] }>;
  /** Hashes the scene's files; the hash names the bundle. */
  readonly pack: (files: readonly SceneFile[], scenePath: string, signal: AbortSignal) => Promise<{ readonly manifestHash: string }>;
  readonly newId: () => string;
  readonly history: { append(job: string, records: readonly JobRecord[]): Promise<void>; read(job: string): readonly JobRecord[] };
}

/** Looks at the scene, plans, and writes the job down: from here on it can be resumed. */
export async function prepareJob(
  deps: PreparePorts,
  request: RenderRequest,
  power: () => Promise<SwarmCapacity>,
  signal: AbortSignal,
): Promise<PreparedJob> {
  const { scenePath, flags, cwd, deliver } = request;
  const { facts, files } = await deps.inspect({ scenePath, flags, cwd, frames: framesKnownWithoutScene(request) }, signal);
  const frames = framesToRender(request, facts);
  const video = request.video && resolve(cwd, request.video);
  await tryOutputs(deps, { facts, deliver, frames, video, sceneFiles: files.map(({ path }) => path) }, signal);
  const options = {
    frames,
    still: request.animation !== true && frames.length === 1,
    ...(request.tiles === undefined ? {} : { tiles: parseTiles(request.tiles) }),
    ...(request.exact === undefined ? {} : { exact: request.exact }),
    ...(await power()),
  };
  const plan = planJob(facts, options);
  if (deliver === "raw") requireRaw(facts, plan);
  const here = files.filter(({ missing }) => !missing);
  const { manifestHash } = await deps.pack(here, request.scenePath, signal);
  const missingFiles = files.filter(({ missing }) => missing).map(({ path }) => path);
  const created: JobCreated = {
    type: "job-created",
    scenePath: resolve(cwd, scenePath),
    flags: request.flags,
    planInput: { facts, options: { ...options, grids: plan.grids } },
    manifestHash,
    blender: { version: deps.blender.version, buildHash: deps.blender.buildHash },
    settings: {
      ...JobOptions.parse(pickDeclared(JOB_OPTIONS, { ...request, video })),
      files: here.map(({ path }) => path),
      missingFiles,
      cwd,
      deliver,
    },
  };
  const id = deps.newId();
  await deps.history.append(id, [created]);
  return preparedOf(id, [created], deps.deviceClass);
}

/** The frames asked for, without those that the scene does not want overwritten. Throws FRAMES_INVALID, FRAMES_EXIST. */
function framesToRender(request: RenderRequest, facts: SceneFacts): readonly number[] {
  const asked = requestedFrames(request, facts);
  if (asked.length === 0)
    throw new FarmError("FRAMES_INVALID", `the scene's frame range is empty (${facts.frameStart} to ${facts.frameEnd})`);
  if (request.deliver === "raw") return asked; // whoever finishes them knows what is there
  const existing = new Set(facts.output.existing);
  const frames = asked.filter((frame) => !existing.has(frame));
  if (frames.length === 0) throw new FarmError("FRAMES_EXIST", "every frame is there already, and the scene says not to overwrite");
  return frames;
}

/** Throws RAW_IMPOSSIBLE for frames of engines that give final pictures only, and for those that ask no render engine at all. */
function requireRaw(facts: SceneFacts, plan: JobPlan): void {
  const flat = plan.outputs.find(({ sceneFrames }) => sceneFrames.length === 0);
  if (flat) throw new FarmError("RAW_IMPOSSIBLE", `frame ${flat.frame} of ${facts.scene} shows nothing that a render engine makes`);
  const whole = plan.chunks.find(({ spec }) => spec.kind === "files");
  if (!whole) return;
  const engine = facts.scenes.find(({ engine: name }) => name !== "CYCLES")?.engine ?? "its engine";
  throw new FarmError(
    "RAW_IMPOSSIBLE",
    `frame ${whole.spec.frame} of ${facts.scene} is rendered by ${engine}, which gives finished pictures only`,
  );
}

/** Takes a job up again where its journal ends. Throws JOB_UNKNOWN, SCENE_CHANGED, NO_MATCHING_BLENDER, OUTPUT_NOT_WRITABLE, DISK_FULL. */
export async function reopenJob(deps: PreparePorts, id: string, signal: AbortSignal): Promise<PreparedJob> {
  const prepared = preparedOf(id, deps.history.read(id), deps.deviceClass);
  const { created } = prepared;
  if (created.blender.version !== deps.blender.version || created.blender.buildHash !== deps.blender.buildHash) {
    throw new FarmError(
      "NO_MATCHING_BLENDER",
      `job ${id} was begun with Blender ${created.blender.version}, here is ${deps.blender.version}`,
      {
        advice: "Name the Blender it was begun with by --blender <path>.",
      },
    );
  }
  const files = created.settings.files.map((path) => ({ path, kind: path === created.scenePath ? "blend" : "other", missing: false }));
  const { manifestHash } = await deps.pack(files, created.scenePath, signal);
  if (manifestHash !== created.manifestHash)
    throw new FarmError("SCENE_CHANGED", `${created.scenePath} (or a file it reads) changed since job ${id} began`);
  const frames = prepared.plan.outputs.map(({ frame }) => frame);
  await tryOutputs(deps, { ...prepared, frames, sceneFiles: created.settings.files }, signal);
  await deps.history.append(id, [{ type: "resumed" }]);
  return preparedOf(id, deps.history.read(id), deps.deviceClass);
}

function preparedOf(id: string, records: readonly JobRecord[], deviceClass: DeviceClass): PreparedJob {
  const journalState = foldJournal(records);
  const { created } = journalState;
  if (created === undefined) throw new FarmError("JOB_UNKNOWN", `there is no job ${id}`);
  const { facts, options } = created.planInput;
  const { missingFiles, video, environment, deliver } = created.settings;
  return { id, created, facts, plan: planJob(facts, options), journalState, deviceClass, missingFiles, video, environment, deliver };
}

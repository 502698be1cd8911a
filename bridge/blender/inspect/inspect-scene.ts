import { resolve } from "node:path";
import type { z } from "zod";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import { checkBlendFile, isNewerFile } from "../find/blend-header.ts";
import { flagArguments } from "../blender-flags.ts";
import { BlenderProcess } from "../blender-process.ts";
import { FACTS_LIMITS } from "../../core/job/facts-limits.ts";
import { FRAME_LIMITS } from "../../core/job/frame-limits.ts";
import { InspectionAnswer, MAX_SCENE_FILES } from "./inspection-answer.ts";
import type { BlenderFlags } from "../../core/job/option-schemas.ts";
import type { BlenderBuild, Inspection, RunningProcess, StartProcess } from "../types.ts";

/** How long opening and inspecting a scene may take. Probing a sequencer renders a thumbnail of every frame. */
export const INSPECT_LIMITS = { openTimeoutMs: 30 * 60_000, inspectTimeoutMs: 60 * 60_000 } as const;

export interface InspectOptions {
  readonly blender: BlenderBuild;
  readonly scenePath: string;
  readonly flags: BlenderFlags;
  /** The job's frames; the scene's own range when undefined. */
  readonly frames?: readonly number[];
  /** A folder of our own for Blender's temporary files and the probe's pictures. */
  readonly scratch: string;
  /** Render threads; undefined: all. */
  readonly threads?: number;
  /** The base of a relative output path; the process's own folder when undefined. */
  readonly cwd?: string;
}

/**
 * Opens the scene in its own Blender, with the user's flags, and returns the facts that a job needs: what is
 * rendered, how it may be cut, and which files it reads.
 *
 * Throws SCENE_NOT_FOUND, SCENE_NOT_A_FILE, SCENE_EMPTY, SCENE_NOT_BLEND, SCENE_UNREADABLE, SCENE_TOO_NEW,
 * SCENE_UNKNOWN, SCENE_NO_CAMERA, FRAMES_INVALID, USAGE (a format that this build does not write),
 * BLENDER_CRASHED, BLENDER_HUNG.
 */
export async function inspectScene(
  deps: { readonly start: StartProcess },
  options: InspectOptions,
  signal: AbortSignal,
): Promise<Inspection> {
  const { inspection, opened } = await inspectAndKeep(deps, options, signal);
  await opened?.[Symbol.asyncDispose]();
  return inspection;
}

/**
 * As `inspectScene`, and returns the inspecting Blender if the scene in it is unchanged: it can
 * finish pictures without opening the scene again. The caller ends it.
 */
export async function inspectAndKeep(
  deps: { readonly start: StartProcess },
  options: InspectOptions,
  signal: AbortSignal,
): Promise<{ readonly inspection: Inspection; readonly opened: BlenderProcess | undefined }> {
  const scenePath = resolve(options.cwd ?? ".", options.scenePath);
  refuseTooNew((await checkBlendFile(scenePath)).fileVersion, scenePath, options.blender);
  refuseFrames(options.frames ?? []);
  const blender = await openScene(deps, { ...options, scenePath }, signal);
  try {
    const { asOpened, ...inspection } = await askBlender(blender, { ...options, scenePath }, signal);
    if (asOpened) return { inspection, opened: blender };
    await blender[Symbol.asyncDispose]();
    return { inspection, opened: undefined };
  } catch (error) {
    await blender[Symbol.asyncDispose]();
    throw error;
  }
}

async function askBlender(
  blender: BlenderProcess,
  options: InspectOptions,
  signal: AbortSignal,
): Promise<z.infer<typeof InspectionAnswer>> {
  const { scenePath } = options;
  const request = {
    scenePath,
    scene: options.flags.scene ?? null,
    format: options.flags.format ?? null,
    frames: options.frames ?? null,
    scratch: resolve(options.scratch),
    maxFiles: MAX_SCENE_FILES,
  };
  const answer = InspectionAnswer.safeParse(await blender.request("inspect", request, signal, INSPECT_LIMITS.inspectTimeoutMs));
  if (answer.success) return answer.data;
  throw new FarmError("BLENDER_SCRIPT_FAILED", `inspection of ${scenePath} returned values outside their limits`, {
    facts: { where: answer.error.issues.slice(0, 5).map((issue) => `${issue.path.join(".")}: ${issue.message}`) },
    cause: answer.error,
  });
}

function refuseTooNew(fileVersion: string, scenePath: string, blender: BlenderBuild): void {
  if (!isNewerFile(fileVersion, blender.version)) return;
  throw new FarmError(
    "SCENE_TOO_NEW",
    `${scenePath} was saved by Blender ${fileVersion}, and this machine has Blender ${blender.version}`,
    {
      facts: { fileVersion, blenderVersion: blender.version },
    },
  );
}

function refuseFrames(frames: readonly number[]): void {
  const { maxFrame } = FRAME_LIMITS;
  const { maxFrames } = FACTS_LIMITS;
  const wrong = frames.find((frame) => !Number.isInteger(frame) || Math.abs(frame) > maxFrame);
  if (wrong !== undefined) throw new FarmError("FRAMES_INVALID", `${wrong} is not a frame: frames go from -${maxFrame} to ${maxFrame}`);
  if (frames.length > maxFrames) throw new FarmError("FRAMES_INVALID", `${frames.length} frames are too many`);
}

/** Blender exits by itself when it cannot read the file; a signal means that the file crashed it. */
async function openScene(deps: { readonly start: StartProcess }, options: InspectOptions, signal: AbortSignal): Promise<BlenderProcess> {
  let process: RunningProcess | undefined;
  const start: StartProcess = async (request) => {
    process = await deps.start(request);
    return process;
  };
  try {
    return await BlenderProcess.start(
      { start },
      {
        blender: options.blender.path,
        args: [options.scenePath, ...flagArguments(options.flags)],
        script: "requester_main.py",
        scratch: options.scratch,
        startTimeoutMs: INSPECT_LIMITS.openTimeoutMs,
        ...(options.threads === undefined ? {} : { threads: options.threads }),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      signal,
    );
  } catch (error) {
    if (!isFarmError(error, "BLENDER_CRASHED") || (await process?.exited)?.exitCode !== 1) throw error;
    throw new FarmError("SCENE_UNREADABLE", `Blender cannot read ${options.scenePath}`, { facts: error.facts, cause: error });
  }
}

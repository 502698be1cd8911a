import { z } from "zod";
import type { ChunkSpec, DeviceClass } from "../../core/plan/chunk.ts";
import type { GpuSelection } from "../../core/gpu/cycles-devices.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { checkBlendFile, isNewerFile } from "../find/blend-header.ts";
import { BlenderProcess } from "../blender-process.ts";
import { useDevices } from "./benchmark.ts";
import { localResultFiles } from "./result-files.ts";
import type { BlenderBuild, BlenderSession, LoadOptions, RenderedFiles, StartProcess } from "../types.ts";

/** Limits on the answers and times of a Blender that reads untrusted files. */
export const SESSION_LIMITS = {
  maxOutputs: 10_000,
  maxPathChars: 4_096,
  /** At the lowest priority on a busy machine Blender starts slowly, and its owner may pause it meanwhile for as long as paused work is kept. */
  startTimeoutMs: 1_800_000,
  loadTimeoutMs: 1_800_000,
  /** For callers that cannot predict a render; a frame may take hours. */
  renderTimeoutMs: 12 * 3_600_000,
  maxLastSamples: 1_024,
} as const;

const ScratchPath = z.string().min(1).max(SESSION_LIMITS.maxPathChars);

const RenderAnswer = z.strictObject({
  raw: ScratchPath.nullable(),
  outputs: z.array(ScratchPath).max(SESSION_LIMITS.maxOutputs),
  preview: ScratchPath.nullable(),
  renderSeconds: z.number().nonnegative(),
  peakMemoryBytes: z.number().nonnegative(),
  lastSamples: z.array(z.int().min(1)).max(SESSION_LIMITS.maxLastSamples),
});

export interface SessionOptions {
  readonly blender: BlenderBuild;
  /**
   * This session's folder: Blender's temporary files, and results until the caller moves them. With a sandbox that has its own
   * files only the results are copied here.
   */
  readonly scratch: string;
  /** Render threads; undefined: all. */
  readonly threads?: number;
  /** How long a chunk may take before its Blender counts as hung, in milliseconds. */
  readonly renderTimeoutMs?: (spec: ChunkSpec) => number;
  /**
   * Compression of raw results. ZIP (the default) takes 13 ms of CPU per megabyte and reduces it to a third: worth it
   * on any link below some 400 Mbit/s. NONE costs nothing, for results that never leave this machine.
   */
  readonly floatCodec?: "ZIP" | "NONE";
  /** The GPUs to render on; default: the CPU, which is also the fallback if they are missing (then `fellBack` is set). */
  readonly gpu?: GpuSelection;
  /** The scene is untrusted: none of its scripts are run. */
  readonly untrusted: boolean;
}

/**
 * Starts a Blender that waits for scenes and chunks.
 *
 * Aborting a call ends the whole session: a render cannot be interrupted.
 * Throws BLENDER_NOT_FOUND, BLENDER_CRASHED, BLENDER_HUNG.
 */
export async function openSession(
  deps: { readonly start: StartProcess },
  options: SessionOptions,
  signal: AbortSignal,
): Promise<BlenderSession> {
  const blender = await BlenderProcess.start(
    deps,
    {
      blender: options.blender.path,
      script: "donor_main.py",
      scriptArgs: [options.scratch, options.untrusted ? "untrusted" : "trusted"],
      scratch: options.scratch,
      cwd: options.scratch, // Blender's smoke simulation leaves a file in its working folder
      startTimeoutMs: SESSION_LIMITS.startTimeoutMs,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    },
    signal,
  );
  const device = options.gpu === undefined ? ON_CPU : await devicesFor(blender, options.gpu, signal);
  return new WarmSession(blender, options, device);
}

type Device = Pick<BlenderSession, "backend" | "fellBack">;

const ON_CPU: Device = { backend: "CPU", fellBack: undefined };

async function devicesFor(blender: BlenderProcess, gpu: GpuSelection, signal: AbortSignal): Promise<Device> {
  try {
    await useDevices(blender, gpu, signal);
    return { backend: gpu.backend, fellBack: undefined };
  } catch (error) {
    if (isFarmError(error, "GPU_MISSING")) return { backend: "CPU", fellBack: messageOf(error) };
    await blender[Symbol.asyncDispose]();
    throw error;
  }
}

class WarmSession implements BlenderSession {
  readonly #blender: BlenderProcess;
  readonly #options: SessionOptions;
  readonly backend: DeviceClass["backend"];
  readonly fellBack: string | undefined;
  readonly exited: Promise<void>;

  constructor(blender: BlenderProcess, options: SessionOptions, device: Device) {
    this.backend = device.backend;
    this.fellBack = device.fellBack;
    this.#blender = blender;
    this.#options = options;
    this.exited = blender.exited;
  }

  async load(scenePath: string, options: LoadOptions, signal: AbortSignal): Promise<void> {
    try {
      await this.#blender.request("load", { path: scenePath, remap: options.remap }, signal, SESSION_LIMITS.loadTimeoutMs);
    } catch (error) {
      if (isFarmError(error, "SCENE_UNREADABLE")) await refuseNewer(scenePath, this.#options.blender.version, error);
      throw error;
    }
  }

  async render(spec: ChunkSpec, signal: AbortSignal): Promise<RenderedFiles> {
    const timeoutMs = this.#options.renderTimeoutMs?.(spec) ?? SESSION_LIMITS.renderTimeoutMs;
    const answer = RenderAnswer.safeParse(
      await this.#blender.request("render", { spec, codec: this.#options.floatCodec ?? "ZIP" }, signal, timeoutMs),
    );
    if (!answer.success) throw new FarmError("BLENDER_SCRIPT_FAILED", "Blender's answer to a render is invalid", { cause: answer.error });
    const { raw, outputs, preview, ...figures } = answer.data;
    const named = [raw, preview, ...outputs].filter((path) => path !== null);
    const own = await localResultFiles(named, { scratch: this.#options.scratch, take: this.#blender.take });
    const placeOf = (path: string) => own[named.indexOf(path)] as string;
    return {
      ...(raw === null ? {} : { raw: placeOf(raw) }),
      ...(preview === null ? {} : { preview: placeOf(preview) }),
      outputs: outputs.map(placeOf),
      ...figures,
    };
  }

  async close(): Promise<void> {
    await this.#blender[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Blender refuses some files of later versions as if they were damaged: distinguishes the two. */
async function refuseNewer(scenePath: string, version: string, cause: FarmError): Promise<void> {
  const saved = (await checkBlendFile(scenePath).catch(() => undefined))?.fileVersion;
  if (saved === undefined || !isNewerFile(saved, version)) return;
  throw new FarmError("SCENE_TOO_NEW", `${scenePath} was saved by Blender ${saved}; this is Blender ${version}`, {
    facts: { savedBy: saved, blender: version },
    cause,
  });
}

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { CyclesDevice, GpuSelection } from "../../core/gpu/cycles-devices.ts";
import { FarmError } from "../../kernel/errors.ts";
import { BlenderProcess } from "../blender-process.ts";
import type { BlenderBuild, StartProcess } from "../types.ts";

/** Limits on the answers and times: a GPU's kernels may have to be loaded, or even compiled. */
export const PROBE_LIMITS = { maxDevices: 128, startTimeoutMs: 120_000, measureTimeoutMs: 600_000, listTimeoutMs: 60_000 } as const;

const Device = z.strictObject({
  backend: z.enum(["OPTIX", "CUDA", "HIP", "ONEAPI", "METAL"]),
  id: z.string().min(1).max(256),
  name: z.string().max(256),
});
const Devices = z.array(Device).max(PROBE_LIMITS.maxDevices);
const Missing = z.array(z.string().max(256)).max(PROBE_LIMITS.maxDevices);
const Speed = z.number().positive();

export interface ProbeOptions {
  readonly blender: Pick<BlenderBuild, "path">;
  /** The folder for its files while it runs. */
  readonly scratch: string;
  readonly threads?: number;
}

/** A Blender without a user's scene, for its devices and their speed. */
export class DeviceBenchmarkSession implements AsyncDisposable {
  readonly #blender: BlenderProcess;
  readonly #folder: string;

  private constructor(blender: BlenderProcess, folder: string) {
    this.#blender = blender;
    this.#folder = folder;
  }

  /** Throws BLENDER_NOT_FOUND, BLENDER_CRASHED, BLENDER_HUNG. */
  static async open(deps: { readonly start: StartProcess }, options: ProbeOptions, signal: AbortSignal): Promise<DeviceBenchmarkSession> {
    const folder = await mkdtemp(join(options.scratch, "probe-"));
    const { startTimeoutMs } = PROBE_LIMITS;
    const threads = options.threads === undefined ? {} : { threads: options.threads };
    try {
      const wanted = { blender: options.blender.path, script: "probe_main.py", scratch: folder, startTimeoutMs, ...threads };
      return new DeviceBenchmarkSession(await BlenderProcess.start(deps, wanted, signal), folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The GPUs that its Cycles sees, for each backend. */
  async devices(signal: AbortSignal): Promise<readonly CyclesDevice[]> {
    return parsed(Devices, await this.#blender.request("devices", {}, signal, PROBE_LIMITS.listTimeoutMs));
  }

  /** Selects exactly these devices for the following renders. Throws GPU_MISSING. */
  async use(use: GpuSelection, signal: AbortSignal): Promise<void> {
    await useDevices(this.#blender, use, signal);
  }

  /** Samples x pixels a second on the benchmark scene. Throws BLENDER_RENDER_FAILED when the devices do not work. */
  async measure(signal: AbortSignal): Promise<number> {
    return parsed(Speed, await this.#blender.request("measure", {}, signal, PROBE_LIMITS.measureTimeoutMs));
  }

  /** Writes the benchmark scene as a .blend. */
  async saveBenchmarkScene(path: string, samples: number, signal: AbortSignal): Promise<void> {
    await this.#blender.request("save", { path, samples }, signal, PROBE_LIMITS.listTimeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blender[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Selects a Blender's devices. Throws GPU_MISSING when it does not see all of them. */
export async function useDevices(blender: BlenderProcess, use: GpuSelection, signal: AbortSignal): Promise<void> {
  const { backend, deviceIds } = use;
  const missing = parsed(Missing, await blender.request("use", { backend, ids: deviceIds }, signal, PROBE_LIMITS.listTimeoutMs));
  if (missing.length > 0) throw new FarmError("GPU_MISSING", `Blender does not see ${missing.join(", ")}`);
}

function parsed<T>(schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw new FarmError("BLENDER_SCRIPT_FAILED", "Blender's answer about its devices is invalid", { cause: result.error });
}

import type { DenoiseRecipe } from "../../core/job/denoise-recipe.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { BlenderProcess } from "../blender-process.ts";
import type { BlenderBuild, StartProcess } from "../types.ts";

/** 16K takes about an hour on two slow cores. */
const FRAME_MS = 4 * 3_600_000;

export interface DenoiserOptions {
  readonly blender: BlenderBuild;
  readonly threads?: number;
  /** Makes the folder of Blender's temporary files. */
  readonly scratch: () => Promise<string>;
}

export interface AssembledFrame {
  /** The assembled noisy tiles. */
  readonly from: string;
  /** The final picture: its denoised channels are filled, all others are there. */
  readonly to: string;
  readonly recipe: DenoiseRecipe;
  readonly views: readonly string[];
}

/**
 * Denoises assembled frames with the library of the Blender that renders: one process, started when it is first needed,
 * and started again when it died.
 */
export class Denoiser implements AsyncDisposable {
  readonly #deps: { readonly start: StartProcess; readonly log: Log };
  readonly #options: DenoiserOptions;
  readonly #life: AbortSignal;
  #blender: Promise<BlenderProcess> | undefined;

  /** `life`: ends the process. */
  constructor(deps: { readonly start: StartProcess; readonly log: Log }, options: DenoiserOptions, life: AbortSignal) {
    this.#deps = deps;
    this.#options = options;
    this.#life = life;
  }

  /** Starts Blender ahead of the first frame. */
  prepare(): void {
    this.#opened().catch(() => {}); // the first frame tries once more, and says why
  }

  /** Throws FINISHING_FAILED when Blender cannot denoise this frame, or dies of it twice. */
  async denoise(frame: AssembledFrame, progress: (share: number) => void, signal: AbortSignal): Promise<void> {
    try {
      await this.#denoise(frame, progress, signal);
    } catch (error) {
      if (signal.aborted || !isFarmError(error, "BLENDER_CRASHED")) throw asFinishing(error, signal);
      this.#deps.log.warn({ reason: messageOf(error) }, "the denoising Blender died, and another takes its place");
      this.#blender = undefined;
      await this.#denoise(frame, progress, signal).catch((again: unknown) => {
        throw asFinishing(again, signal);
      });
    }
  }

  async #denoise(frame: AssembledFrame, progress: (share: number) => void, signal: AbortSignal): Promise<void> {
    const blender = await this.#opened();
    const parameters = { ...frame, threads: this.#options.threads ?? 0 };
    await blender.request("denoise", parameters, signal, { timeoutMs: FRAME_MS, progress });
  }

  async #opened(): Promise<BlenderProcess> {
    const opening = (this.#blender ??= this.#start());
    try {
      return await opening;
    } catch (error) {
      if (this.#blender === opening) this.#blender = undefined;
      throw error;
    }
  }

  async #start(): Promise<BlenderProcess> {
    const { blender, scratch, threads } = this.#options;
    const options = { blender: blender.path, script: "denoise_main.py", scratch: await scratch() };
    return await BlenderProcess.start(this.#deps, { ...options, ...(threads === undefined ? {} : { threads }) }, this.#life);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#blender?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}

function asFinishing(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || isFarmError(error, "FINISHING_FAILED") || isFarmError(error, "DISK_FULL")) return error;
  return new FarmError("FINISHING_FAILED", `the frame could not be denoised: ${messageOf(error)}`, { cause: error });
}

import { createHash } from "node:crypto";
import { z } from "zod";
import type { SceneFrame } from "../../core/job/scene-facts.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { type Log, silentLog } from "../../kernel/log.ts";
import { isOutputDiskTimeout } from "../../kernel/files/output-failure.ts";
import { flagArguments } from "../blender-flags.ts";
import { BlenderProcess } from "../blender-process.ts";
import { FinishStage, type StagedFile } from "./finish-stage.ts";
import type { BlenderFlags } from "../../core/job/option-schemas.ts";
import type { BlenderBuild, Finisher, StartProcess } from "../types.ts";

/** Limits on the finishing Blender's time and output. */
export const FINISHER_LIMITS = {
  openMs: 30 * 60_000,
  frameMs: 2 * 3_600_000,
  movieMs: 48 * 3_600_000,
  maxFilesAFrame: 10_000,
  maxPathChars: 4_096,
} as const;

export interface FinisherOptions {
  readonly blender: BlenderBuild;
  /** The user's .blend at its own path, absolute, so that paths relative to it resolve. */
  readonly scenePath: string;
  /** It is a copy beside the user's file: a picture that would show its name is refused. */
  readonly isCopy?: boolean;
  readonly flags: BlenderFlags;
  /** The base of output paths without `//`; default: this process's folder. */
  readonly cwd?: string;
  /** Absolute folder of the assembled raw frames; each scene frame's file is `assembledFileName(sceneFrame)` in it. */
  readonly assembledFolder: string;
  /** Scenes whose scene frames are assembled; the others of the file are rendered here by their own engine. */
  readonly jobScenes: readonly string[];
  /**
   * Name of the dot-folder, made inside the output folder, in which files are written before they are
   * moved into place. The same name for the same job, so that leftovers of a killed bridge are removed.
   */
  readonly stageName: string;
  readonly threads?: number;
  /** Blender's temporary files and (empty) user settings. */
  readonly scratch: string;
}

interface FinisherDeps {
  readonly start: StartProcess;
  /** A Blender that has the scene open by its command line, with the same flags and folder; the finisher ends it. */
  readonly opened?: BlenderProcess | undefined;
  /** Called with the stage's folder before it is made. */
  readonly noteStage?: ((folder: string) => Promise<void>) | undefined;
  /** Called before written files are moved into place; when it throws they are not moved. */
  readonly confirm?: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly log?: Log;
}

const AbsolutePath = z.string().min(1).max(FINISHER_LIMITS.maxPathChars);
const Opened = z.strictObject({ outputFolder: AbsolutePath });
const Written = z.strictObject({
  files: z.array(z.strictObject({ staged: AbsolutePath, final: AbsolutePath, main: z.boolean() })).max(FINISHER_LIMITS.maxFilesAFrame),
});

/**
 * The file name of a scene frame's assembled raw frames: safe on every system, whatever the scene is called.
 * `scripts/p2p_blender/finish/finisher.py` follows the same rule.
 */
export function assembledFileName(sceneFrame: SceneFrame): string {
  const scene = createHash("sha256").update(sceneFrame.scene, "utf8").digest("hex").slice(0, 16);
  return `${scene}_${sceneFrame.frame}.exr`;
}

/**
 * Starts the finishing Blender: it opens the scene once and then makes final pictures from assembled raw frames.
 *
 * Throws OUTPUT_NOT_WRITABLE, DISK_FULL, SCENE_UNREADABLE, SCENE_UNKNOWN, SCENE_CHANGED, BLENDER_NOT_FOUND,
 * BLENDER_CRASHED, BLENDER_HUNG. `finishFrame` and `finishMovie` throw FINISHING_FAILED (this frame
 * cannot be finished; the finisher continues), DISK_FULL, OUTPUT_NOT_WRITABLE; after BLENDER_CRASHED and
 * BLENDER_HUNG the finisher is dead.
 */
export async function openFinisher(deps: FinisherDeps, options: FinisherOptions, signal: AbortSignal): Promise<Finisher> {
  const blender = deps.opened?.isAlive ? deps.opened : await BlenderProcess.start(deps, blenderOptions(options), signal);
  try {
    const { outputFolder } = Opened.parse(await blender.request("open", openRequest(options), signal, FINISHER_LIMITS.openMs));
    await deps.noteStage?.(FinishStage.pathIn(outputFolder, options.stageName));
    const stage = await FinishStage.make(outputFolder, options.stageName);
    try {
      await blender.request("stage", { folder: stage.folder }, signal, FINISHER_LIMITS.openMs);
      return new WarmFinisher(blender, stage, deps);
    } catch (error) {
      await stage.remove();
      throw error;
    }
  } catch (error) {
    await blender[Symbol.asyncDispose]();
    throw error;
  }
}

function blenderOptions(options: FinisherOptions) {
  return {
    blender: options.blender.path,
    args: [options.scenePath, ...flagArguments(options.flags)],
    script: "requester_main.py",
    scratch: options.scratch,
    startTimeoutMs: FINISHER_LIMITS.openMs,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
}

function openRequest(options: FinisherOptions) {
  return {
    scenePath: options.scenePath,
    isCopy: options.isCopy === true,
    sceneName: options.flags.scene ?? null,
    jobScenes: options.jobScenes,
    assembledFolder: options.assembledFolder,
  };
}

class WarmFinisher implements Finisher {
  readonly #blender: BlenderProcess;
  readonly #stage: FinishStage;
  readonly #log: Log;
  readonly #confirm: FinisherDeps["confirm"];
  #closed: Promise<void> | undefined;

  constructor(blender: BlenderProcess, stage: FinishStage, { log, confirm }: Pick<FinisherDeps, "log" | "confirm">) {
    this.#blender = blender;
    this.#stage = stage;
    this.#log = log ?? silentLog;
    this.#confirm = confirm;
  }

  finishFrame(frame: number, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    return this.#finish(`frame ${frame}`, "frame", { frame }, signal);
  }

  finishMovie(
    frames: { readonly start: number; readonly end: number; readonly step: number },
    signal: AbortSignal,
  ): Promise<readonly WrittenFile[]> {
    return this.#finish(`frames ${frames.start} to ${frames.end}`, "movie", frames, signal);
  }

  async #finish(what: string, op: "frame" | "movie", parameters: object, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    await this.#stage.empty();
    try {
      return await this.#finishAgainIfRemoved(op, parameters, signal);
    } catch (error) {
      await this.#tidy();
      throw isFarmError(error, "FINISHING_FAILED")
        ? new FarmError(error.code, `${what} could not be finished: ${error.message}`, { facts: error.facts, cause: error })
        : error;
    }
  }

  /** If the output folder was removed meanwhile, it held the files of this call: they are made once more. */
  async #finishAgainIfRemoved(op: "frame" | "movie", parameters: object, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    try {
      return await this.#finishOnce(op, parameters, signal);
    } catch (error) {
      if (signal.aborted || !this.#blender.isAlive || !(await this.#stage.hasGone())) throw error;
      this.#log.warn({ folder: this.#stage.folder, reason: messageOf(error) }, "the output folder was removed: finishing once more");
      await this.#stage.empty();
      return await this.#finishOnce(op, parameters, signal);
    }
  }

  async #finishOnce(op: "frame" | "movie", parameters: object, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    const timeoutMs = op === "frame" ? FINISHER_LIMITS.frameMs : FINISHER_LIMITS.movieMs;
    const answer = Written.parse(await this.#blender.request(op, parameters, signal, timeoutMs));
    await this.#confirm?.(signal);
    if (await this.#stage.hasGone()) throw new FarmError("OUTPUT_NOT_WRITABLE", `${this.#stage.folder} was removed`);
    return await this.#deliver(answer.files);
  }

  /** The reason of a failed frame is more useful than an error while removing its files. */
  async #tidy(): Promise<void> {
    await this.#stage.empty().catch((error: unknown) => this.#log.warn({ reason: messageOf(error) }, "the stage was not emptied"));
  }

  /** A File Output node with an unwritable folder loses only its own files, as in Blender; its path may come from another machine. */
  async #deliver(files: readonly StagedFile[]): Promise<readonly WrittenFile[]> {
    const delivered = new Map<string, WrittenFile>();
    for (const file of files) {
      try {
        const written = await this.#stage.deliver(file);
        // Two outputs of one name: the later one has replaced the earlier one, as it does in Blender.
        delivered.set(written.path, { ...written, main: written.main || delivered.get(written.path)?.main === true });
      } catch (error) {
        if (file.main || isOutputDiskTimeout(error) || !isFarmError(error, "OUTPUT_NOT_WRITABLE")) throw error;
        this.#log.warn({ file: file.final, reason: messageOf(error.cause) }, "a File Output node's picture was not kept");
      }
    }
    const written = [...delivered.values()];
    await this.#stage.settle(written);
    const lost = written.find(({ main, bytes }) => main && bytes === 0);
    if (lost) throw new FarmError("FINISHING_FAILED", `${lost.path} was written without any bytes`);
    return written;
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    await this.#blender[Symbol.asyncDispose]();
    await this.#stage.remove().catch((error: unknown) => this.#log.warn({ reason: messageOf(error) }, "the stage was not removed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

import { createHash } from "node:crypto";
import { z } from "zod";
import type { SceneFrame } from "../../core/job/scene-facts.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { type Log, silentLog } from "../../kernel/log.ts";
import { isUnanswered } from "../../kernel/files/output-failure.ts";
import { flagArguments } from "../blender-flags.ts";
import { BlenderProcess } from "../blender-process.ts";
import { FinishStage, type StagedFile } from "./finish-stage.ts";
import type { BlenderFlags } from "../../core/job/option-schemas.ts";
import type { BlenderBuild, Finisher, StartProcess } from "../types.ts";

/** Bounds on the finishing Blender: what it may take, and what it may tell us. */
export const FINISHER_LIMITS = {
  openMs: 30 * 60_000,
  frameMs: 2 * 3_600_000,
  movieMs: 48 * 3_600_000,
  maxFilesAFrame: 10_000,
  maxPathChars: 4_096,
} as const;

export interface FinisherOptions {
  readonly blender: BlenderBuild;
  /** The user's .blend where it lies, absolute: paths relative to it must hold. */
  readonly scenePath: string;
  /** It is a copy, made beside the user's own: a picture in which its name would show is refused. */
  readonly isCopy?: boolean;
  readonly flags: BlenderFlags;
  /** What output paths without `//` are relative to; default: this process's. */
  readonly cwd?: string;
  /** Absolute folder of the assembled raw frames; each scene frame's file is `assembledFileName(sceneFrame)` in it. */
  readonly assembledFolder: string;
  /** Scenes whose units are assembled; the others of the file are rendered by their own engine, here. */
  readonly jobScenes: readonly string[];
  /**
   * Name of the dot-folder, made inside the output folder, in which files are written before they are
   * moved into place. The same name for the same job: what a killed bridge left is then cleared.
   */
  readonly stageName: string;
  readonly threads?: number;
  /** Blender's temporary files and (empty) user settings. */
  readonly scratch: string;
}

interface FinisherDeps {
  readonly start: StartProcess;
  /** A Blender that holds the scene as its command line opened it, with the same flags and folder; the finisher ends it. */
  readonly opened?: BlenderProcess | undefined;
  /** Told of the stage's folder before it is made. */
  readonly noteStage?: ((folder: string) => Promise<void>) | undefined;
  /** Told before files that were written go to where they belong; when it throws they do not. */
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
 * cannot be made; the finisher lives on), DISK_FULL, OUTPUT_NOT_WRITABLE; after BLENDER_CRASHED and
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
      return await this.#finishAgainWhereTaken(op, parameters, signal);
    } catch (error) {
      await this.#tidy();
      throw isFarmError(error, "FINISHING_FAILED")
        ? new FarmError(error.code, `${what} could not be finished: ${error.message}`, { facts: error.facts, cause: error })
        : error;
    }
  }

  /** An output folder that was taken away meanwhile has the files of this call in it, if any: they are made once more. */
  async #finishAgainWhereTaken(op: "frame" | "movie", parameters: object, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    try {
      return await this.#finishOnce(op, parameters, signal);
    } catch (error) {
      if (signal.aborted || !this.#blender.isAlive || !(await this.#stage.hasGone())) throw error;
      this.#log.warn({ folder: this.#stage.folder, reason: messageOf(error) }, "the output folder was taken away: once more");
      await this.#stage.empty();
      return await this.#finishOnce(op, parameters, signal);
    }
  }

  async #finishOnce(op: "frame" | "movie", parameters: object, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    const timeoutMs = op === "frame" ? FINISHER_LIMITS.frameMs : FINISHER_LIMITS.movieMs;
    const answer = Written.parse(await this.#blender.request(op, parameters, signal, timeoutMs));
    await this.#confirm?.(signal);
    if (await this.#stage.hasGone()) throw new FarmError("OUTPUT_NOT_WRITABLE", `${this.#stage.folder} was taken away`);
    return await this.#deliver(answer.files);
  }

  /** Why a frame failed is worth more than why its leftovers could not be removed. */
  async #tidy(): Promise<void> {
    await this.#stage.empty().catch((error: unknown) => this.#log.warn({ reason: messageOf(error) }, "the stage was not emptied"));
  }

  /** A File Output node that points where nobody may write costs its own files only, as in Blender; it may be a leftover of someone else's machine. */
  async #deliver(files: readonly StagedFile[]): Promise<readonly WrittenFile[]> {
    const delivered = new Map<string, WrittenFile>();
    for (const file of files) {
      try {
        const written = await this.#stage.deliver(file);
        // Two outputs of one name: the later one has replaced the earlier one, as it does in Blender.
        delivered.set(written.path, { ...written, main: written.main || delivered.get(written.path)?.main === true });
      } catch (error) {
        if (file.main || isUnanswered(error) || !isFarmError(error, "OUTPUT_NOT_WRITABLE")) throw error;
        this.#log.warn({ file: file.final, reason: messageOf(error.cause) }, "a File Output node's picture was not kept");
      }
    }
    const written = [...delivered.values()];
    await this.#stage.settle(written);
    const lost = written.find(({ main, bytes }) => main && bytes === 0);
    if (lost) throw new FarmError("FINISHING_FAILED", `${lost.path} came to lie there without a byte`);
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

import type { WrittenFile } from "../../core/ledger/written-file.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { JobFinisher } from "../ports.ts";

export interface RestartingFinisherDeps {
  /** Opens a finishing Blender. */
  readonly open: () => Promise<JobFinisher & AsyncDisposable>;
  readonly log: Log;
}

/**
 * The finishing Blender of a job, opened when it is first needed, and opened again when it has died: of a night's work that
 * costs one more try of one frame. A frame at which two of them die is lost, and the others are not.
 */
export class RestartingFinisher implements JobFinisher, AsyncDisposable {
  readonly #deps: RestartingFinisherDeps;
  #opening: Promise<JobFinisher & AsyncDisposable> | undefined;

  constructor(deps: RestartingFinisherDeps) {
    this.#deps = deps;
  }

  /** Opens it ahead of the first frame. Throws what opening throws. */
  async ready(): Promise<void> {
    await this.#opened();
  }

  /** Throws what a finisher throws; FINISHING_FAILED when Blender dies of this frame. */
  async finishFrame(frame: number, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    return await this.#use(`frame ${frame}`, signal, (finisher) => finisher.finishFrame(frame, signal));
  }

  async finishMovie(frames: Parameters<JobFinisher["finishMovie"]>[0], signal: AbortSignal): Promise<readonly WrittenFile[]> {
    return await this.#use("the movie", signal, (finisher) => finisher.finishMovie(frames, signal));
  }

  async #use<T>(what: string, signal: AbortSignal, work: (finisher: JobFinisher) => Promise<T>, isLast = false): Promise<T> {
    const finisher = await this.#opened();
    try {
      return await work(finisher);
    } catch (error) {
      if (signal.aborted || !isDeath(error)) throw error;
      this.#deps.log.warn({ what, reason: messageOf(error), isLast }, "the finishing Blender died, and another takes its place");
      await this.#close();
      // What hung for hours is not waited for again.
      if (isLast || isFarmError(error, "BLENDER_HUNG"))
        throw new FarmError("FINISHING_FAILED", `${what} could not be finished: ${messageOf(error)}`, { cause: error });
      return await this.#use(what, signal, work, true);
    }
  }

  async #opened(): Promise<JobFinisher & AsyncDisposable> {
    const opening = (this.#opening ??= this.#openTwice());
    try {
      return await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async #openTwice(): Promise<JobFinisher & AsyncDisposable> {
    try {
      return await this.#deps.open();
    } catch (error) {
      if (!isFarmError(error, "BLENDER_CRASHED")) throw error;
      this.#deps.log.warn({ reason: messageOf(error) }, "the finishing Blender died while it was opened: once more");
      return await this.#deps.open();
    }
  }

  async #close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    await (await opening?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function isDeath(error: unknown): boolean {
  return isFarmError(error, "BLENDER_CRASHED") || isFarmError(error, "BLENDER_HUNG");
}

import { Worker } from "node:worker_threads";
import { childSignal } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import { systemWorld } from "../../kernel/world.ts";
import { exrInvalid } from "../exr/exr-invalid.ts";
import { type MediaAnswer, type MediaJob, type MediaResults, deserializeError } from "./media-jobs.ts";

/** Beside this file in a checkout (.ts) and beside the bundle in an installed package (.js). */
function workerUrl(): URL {
  return new URL(`./media-worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
}

/**
 * Our buffers are bounded by the reader's limits; these bound the rest of a worker. The young generation
 * is small because each inflated chunk leaves a zlib object to be collected: after 400,000 chunks in one
 * job 28 MB above an idle worker with 4, 74 MB with 32, at the same speed.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 } as const;

/** One worker thread, started when first needed and restarted after it was ended. Runs one task at a time. */
export class MediaThread {
  #worker: Worker | undefined;

  /**
   * Throws the task's error; EXR_INVALID when it takes longer than `timeLimitMs` or too much memory;
   * the signal's reason when aborted. In the last three cases the thread has ended when this settles.
   */
  async run<J extends MediaJob>(job: J, signal: AbortSignal, timeLimitMs: number): Promise<MediaResults[J["kind"]]> {
    signal.throwIfAborted();
    using limit = childSignal(signal, { ms: timeLimitMs, time: systemWorld });
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    const answer = await ask(worker, job, limit.signal);
    if (answer === "aborted" || answer instanceof Error) {
      this.#worker = undefined;
      await worker.terminate();
      signal.throwIfAborted();
      throw answer === "aborted" ? exrInvalid(`reading it took longer than ${timeLimitMs} ms`) : asFailure(answer);
    }
    worker.unref(); // an idle thread does not keep the process alive
    if (!answer.ok) throw deserializeError(answer.error);
    return answer.value as MediaResults[J["kind"]];
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl(), { resourceLimits: RESOURCE_LIMITS, execArgv: [] });
    worker.on("error", () => {}); // passed to the pending task
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }
}

/** Settles with the answer, with the reason of the thread's end, or with "aborted". */
async function ask(worker: Worker, job: MediaJob, signal: AbortSignal): Promise<MediaAnswer | Error | "aborted"> {
  const asking = new AbortController();
  try {
    return await new Promise<MediaAnswer | Error | "aborted">((resolve) => {
      const aborted = () => resolve("aborted");
      const died = (error: Error) => resolve(error);
      const exited = (exitCode: number) => resolve(new Error(`the media thread ended with ${exitCode}`));
      worker.once("message", resolve).once("error", died).once("exit", exited);
      signal.addEventListener("abort", aborted, { once: true });
      asking.signal.addEventListener("abort", () => {
        worker.off("message", resolve).off("error", died).off("exit", exited);
        signal.removeEventListener("abort", aborted);
      });
      if (signal.aborted) aborted();
      else worker.postMessage(job);
    });
  } finally {
    asking.abort();
  }
}

function asFailure(error: Error): Error {
  const tooMuch = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  return tooMuch ? new FarmError("EXR_INVALID", "the picture is refused: reading it took too much memory", { cause: error }) : error;
}

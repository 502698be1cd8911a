import { parentPort } from "node:worker_threads";
import { serializeError, doMediaJob, type MediaAnswer, type MediaJob } from "./media-jobs.ts";

/** Entry point of a media worker thread: one task in, one answer out. */
parentPort?.on("message", (job: MediaJob) => void answerTo(job));

/** Never rejects: errors are part of the answer. */
async function answerTo(job: MediaJob): Promise<void> {
  parentPort?.postMessage(await answer(job));
}

async function answer(job: MediaJob): Promise<MediaAnswer> {
  try {
    return { ok: true, value: await doMediaJob(job) };
  } catch (error) {
    return { ok: false, error: serializeError(error) };
  }
}

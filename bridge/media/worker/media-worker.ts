import { parentPort } from "node:worker_threads";
import { serializeError, doMediaJob, type MediaAnswer, type MediaJob } from "./media-jobs.ts";

/** Entry point of a media worker thread: one job in, one answer out. */
parentPort?.on("message", (job: MediaJob) => void answerTo(job));

/** Never rejects: what goes wrong is the answer. */
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

import { parentPort } from "node:worker_threads";
import { carryError, doMediaJob, type MediaAnswer, type MediaJob } from "./media-jobs.ts";

/** Entry point of a media worker thread: one job in, one answer out. */
parentPort?.on("message", (job: MediaJob) => {
  parentPort?.postMessage(answer(job));
});

function answer(job: MediaJob): MediaAnswer {
  try {
    return { ok: true, value: doMediaJob(job) };
  } catch (error) {
    return { ok: false, error: carryError(error) };
  }
}

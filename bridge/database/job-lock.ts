import { randomBytes } from "node:crypto";
import type { Jobs } from "./types.ts";
import { systemClock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";

/** How long a lock on a job lasts without being renewed; a killed bridge's jobs are free after it. */
const LOCK_MS = 4_000;

/** Takes a job for this run until disposed. The lock of a bridge that was killed a moment ago is waited out. Throws JOB_BUSY. */
export async function lockJob(jobs: Pick<Jobs, "lock" | "release">, job: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const owner = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const lock = () => jobs.lock(job, owner, { nowMs: systemClock.now(), untilMs: systemClock.now() + LOCK_MS });
  const deadlineMs = systemClock.monotonicMs() + LOCK_MS + 500;
  while (!lock()) {
    if (systemClock.monotonicMs() > deadlineMs) throw new FarmError("JOB_BUSY", `job ${job} is at work in another bridge`);
    await systemClock.sleep(200, signal);
  }
  const renewing = setInterval(() => {
    try {
      lock();
    } catch {
      // A full disk ends no job: the next one may be written, and where no lock lasts, nobody has asked for the job yet.
    }
  }, LOCK_MS / 3);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(renewing);
      try {
        jobs.release(job, owner);
      } catch {
        // It ends by itself.
      }
    },
  };
}

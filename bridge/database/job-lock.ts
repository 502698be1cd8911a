import { randomBytes } from "node:crypto";
import type { JobTable } from "./types.ts";
import { systemClock } from "../kernel/time/clock.ts";
import { FarmError } from "../kernel/errors.ts";

/** How long a lock on a job lasts without being renewed; a killed bridge's jobs are free after it. */
const LOCK_MS = 4_000;

/** Locks a job for this run until disposed. Waits for the lock of a recently killed bridge to expire. Throws JOB_BUSY. */
export async function lockJob(jobs: Pick<JobTable, "lock" | "release">, job: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const owner = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const lock = () => jobs.lock(job, owner, { nowMs: systemClock.now(), untilMs: systemClock.now() + LOCK_MS });
  const deadlineMs = systemClock.monotonicMs() + LOCK_MS + 500;
  while (!lock()) {
    if (systemClock.monotonicMs() > deadlineMs) throw new FarmError("JOB_BUSY", `job ${job} is running in another bridge`);
    await systemClock.sleep(200, signal);
  }
  const renewing = setInterval(() => {
    try {
      lock();
    } catch {
      // A full disk must not end the job: the next renewal may succeed, and an expired lock is harmless until another process takes it.
    }
  }, LOCK_MS / 3);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(renewing);
      try {
        jobs.release(job, owner);
      } catch {
        // It expires by itself.
      }
    },
  };
}

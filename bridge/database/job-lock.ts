import { randomBytes } from "node:crypto";
import type { Jobs } from "./types.ts";
import { systemClock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";

/** How long a claim on a job lasts without being renewed; a killed bridge's jobs are free after it. */
const CLAIM_MS = 4_000;

/** Takes a job for this run until disposed. The claim of a bridge that was killed a moment ago is waited out. Throws JOB_BUSY. */
export async function claimJob(jobs: Pick<Jobs, "claim" | "release">, job: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const owner = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const claim = () => jobs.claim(job, owner, { nowMs: systemClock.now(), untilMs: systemClock.now() + CLAIM_MS });
  const deadlineMs = systemClock.monotonicMs() + CLAIM_MS + 500;
  while (!claim()) {
    if (systemClock.monotonicMs() > deadlineMs) throw new FarmError("JOB_BUSY", `job ${job} is at work in another bridge`);
    await systemClock.sleep(200, signal);
  }
  const renewing = setInterval(() => {
    try {
      claim();
    } catch {
      // A full disk ends no job: the next one may be written, and where no claim lasts, nobody has asked for the job yet.
    }
  }, CLAIM_MS / 3);
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

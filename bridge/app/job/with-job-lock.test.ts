import { expect, it } from "vitest";
import type { JobTable } from "../../database/types.ts";
import { FarmError } from "../../kernel/errors.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { withJobLock } from "./with-job-lock.ts";
import { until } from "../../test/time/until.ts";

/** A database whose disk is full from its second lock on. */
function fullDisk(): { readonly jobs: JobTable; readonly claims: () => number } {
  let claims = 0;
  const full = () => {
    throw new FarmError("DISK_FULL", "the disk is full");
  };
  const lock = () => ++claims === 1 || full();
  const jobs: JobTable = { put: full, list: () => [], get: () => undefined, setState: full, lock, release: full, isLocked: () => true };
  return { jobs, claims: () => claims };
}

it("continues although its lock cannot be renewed, and reports why the work failed, not the failed release of the lock", async () => {
  const { jobs, claims } = fullDisk();
  const work = async () => {
    await until(() => claims() > 1); // it is renewed by a real clock
    throw new FarmError("SCENE_UNREADABLE", "no scene");
  };
  const done = withJobLock(jobs, { job: "j", work, clock: systemClock, log: silentLog }, new AbortController().signal);
  await expect(done).rejects.toMatchObject({ code: "SCENE_UNREADABLE" });
});

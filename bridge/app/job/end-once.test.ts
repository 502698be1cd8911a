import { expect, it } from "vitest";
import type { JobEvent } from "../../core/job/job-events.ts";
import { endEventBeforeWork } from "../../core/ledger/end-event.ts";
import { FarmError } from "../../kernel/errors.ts";
import { endOnce } from "./end-once.ts";

const { signal } = new AbortController();
const end = { ...endEventBeforeWork("j", "failed", null), outcome: "complete" } as const;

async function told(work: (observe: (event: JobEvent) => void) => Promise<"complete">, during = signal) {
  const events: JobEvent[] = [];
  const error = await endOnce("j", (event) => void events.push(event), work, during).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return { ends: events.filter(({ event }) => event === "job-ended"), error };
}

it("passes on the end event of the job, once", async () => {
  const { ends, error } = await told(async (observe) => (observe(end), "complete"));
  expect([ends, error]).toEqual([[end], undefined]);
});

it("sends an end event when the work throws before it sent one, with the error's code", async () => {
  const { ends, error } = await told(() => Promise.reject(new FarmError("SCENE_NOT_FOUND", "no such file")));
  expect(ends).toMatchObject([{ outcome: "failed", error: { code: "SCENE_NOT_FOUND" } }]);
  expect(error).toMatchObject({ code: "SCENE_NOT_FOUND" });
});

it("sends no second end event when the work throws after it sent one", async () => {
  const { ends, error } = await told(async (observe) => {
    observe(end);
    throw new FarmError("DISK_FULL", "full");
  });
  expect([ends, (error as FarmError).code]).toEqual([[end], "DISK_FULL"]);
});

it("reports work that returns without an end event as a BUG", async () => {
  const { ends, error } = await told(async () => "complete");
  expect(ends).toMatchObject([{ outcome: "failed", error: { code: "BUG" } }]);
  expect(error).toBeInstanceOf(Error);
});

it("reports CANCELLED when the job was stopped, and sends nothing for a job that another bridge works on", async () => {
  const stopped = await told(() => Promise.reject(new Error("stopped")), AbortSignal.abort());
  expect(stopped.ends).toMatchObject([{ outcome: "cancelled", error: null }]);
  expect((await told(() => Promise.reject(new FarmError("JOB_BUSY", "elsewhere")))).ends).toEqual([]);
});

import { describe, expect, it } from "vitest";
import type { JobEvent } from "../../core/job/job-events.ts";
import { JobSubmission } from "../../gateway/wire/job-submission.ts";
import { GATEWAY_LIMITS } from "../../gateway/wire/limits.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { ServedJob } from "./served-job.ts";

const place = { scene: "Scene", frame: 1, rect: null };
const created: JobEvent = { event: "job-created", job: "j", scene: "/s.blend", blender: "4.3.2", frames: 2, chunks: 10, chunksDone: 0 };
const accepted = (done: number): JobEvent => ({
  event: "chunk-accepted",
  chunk: `c${done}`,
  donor: "d",
  seconds: 1,
  bytes: 0,
  done,
  total: 10,
  place,
});

/** A job, its clock, and everything sent to its watchers. */
function watched(state: "queued" | "paused" = "queued") {
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} };
  const submission = JobSubmission.parse({ scenePath: "/s.blend" });
  const job = new ServedJob({ id: "j", title: "lamp", createdAt: 5, submission }, state, clock);
  const told: string[] = [];
  job.events.follow(0, ({ event }) => told.push(event.event === "job-summary" ? event.summary.state : event.event));
  return { job, told, pass: (ms: number) => (nowMs += ms) };
}

describe("what clients receive about a job", () => {
  it("its summary has the progress and an estimate of the time left", () => {
    const { job, pass } = watched();
    expect(job.summary).toMatchObject({ job: "j", state: "queued", framesTotal: 0, secondsLeft: null, source: null, createdAt: 5 });
    job.become("preparing");
    job.hear(created);
    for (const done of [1, 2, 3, 4, 5]) {
      pass(2_000);
      job.hear(accepted(done));
    }
    expect(job.summary).toMatchObject({ state: "running", chunksDone: 5, chunksTotal: 10, framesTotal: 2, secondsLeft: 10 });
    job.become("complete");
    expect(job.summary.secondsLeft).toBeNull();
  });

  it("progress is sent at most once a second, however fast chunks finish", () => {
    const { job, told, pass } = watched();
    job.hear(created);
    for (let done = 1; done <= 10; done++) {
      pass(100);
      job.hear(accepted(done));
    }
    expect(told.filter((event) => event === "progress")).toHaveLength(2);
  });

  it("a pause before the job has started takes effect when it starts", () => {
    const { job, told } = watched();
    job.become("preparing");
    job.wantRest(true);
    job.hear(created);
    expect(job.state).toBe("paused");
    job.wantRest(false);
    job.hear(created); // for instance run by another bridge
    expect(told.filter((event) => ["paused", "running"].includes(event))).toEqual(["paused", "running"]);
  });

  it("an ended job keeps only its last events, with its end event", () => {
    const { job } = watched();
    for (let count = 0; count < 3 * GATEWAY_LIMITS.endedEventsKept; count++) job.hear({ event: "note", code: "n", message: String(count) });
    expect(job.events.first).toBe(0);
    job.become("complete");
    expect(job.events.next - job.events.first).toBe(GATEWAY_LIMITS.endedEventsKept);
    const told: string[] = [];
    job.events.follow(0, ({ event }) => told.push(event.event))();
    expect(told.at(-1)).toBe("job-summary");
  });

  it("a failure is sent with its reason, and cleared by a retry", () => {
    const { job } = watched();
    const error = { code: "SCENE_NO_CAMERA", message: "no camera", advice: "Add one." };
    job.become("failed", error);
    expect(job.hasEnded).toBe(true);
    expect(job.summary.error).toEqual(error);
    job.become("queued");
    expect(job.summary.error).toBeNull();
  });
});

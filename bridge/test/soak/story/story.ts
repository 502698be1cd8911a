import { z } from "zod";

/** Job events that other events of a story can wait for. */
export const ANCHORS = ["job-created", "scene-progress", "chunk-leased", "chunk-started", "chunk-accepted", "frame-finished"] as const;
const Millis = z.int().min(0).max(600_000);

/** After the `count`-th such event of all jobs together, or from the start, plus a delay. */
export const Moment = z.strictObject({ after: z.enum(["start", ...ANCHORS]), count: z.int().min(0).max(10_000), plusMs: Millis });
export type Moment = z.infer<typeof Moment>;

export const DONOR_DEEDS = ["stop", "kill", "pause", "sleep"] as const;
/** An interruption of an honest donor, which is back after `forMs`. */
export const DonorEvent = z.strictObject({ at: Moment, what: z.enum(DONOR_DEEDS), forMs: Millis });
export type DonorEvent = z.infer<typeof DonorEvent>;

export const REQUESTER_DEEDS = ["interrupt", "terminate", "kill"] as const;
/** An interruption of the requester, which resumes its job after `forMs`. */
export const RequesterEvent = z.strictObject({ at: Moment, what: z.enum(REQUESTER_DEEDS), forMs: Millis });
export type RequesterEvent = z.infer<typeof RequesterEvent>;

export const DonorStory = z.strictObject({
  /** A kept home is reused from earlier stories. */
  home: z.enum(["fresh", "kept"]),
  slots: z.int().min(1).max(4),
  events: z.array(DonorEvent).max(8),
});
export type DonorStory = z.infer<typeof DonorStory>;

const Frame = z.int().min(-10_000).max(10_000);
const Count = z.int().min(1).max(1_000);
/** The frames: `-f`, `-s -e -j -a`, or the scene's own range by `-a` alone. */
export const Frames = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("list"), first: Frame, count: Count }),
  z.strictObject({ kind: z.literal("range"), first: Frame, count: Count, step: Count }),
  z.strictObject({ kind: z.literal("scene") }),
]);
export type Frames = z.infer<typeof Frames>;

export const FORMATS = ["PNG", "JPEG", "TIFF", "OPEN_EXR", "OPEN_EXR_MULTILAYER"] as const;

export const JobStory = z.strictObject({
  scene: z.string().regex(/^[\w-]+$/),
  frames: Frames,
  /** `-F`; what the scene says when undefined. */
  format: z.enum(FORMATS).optional(),
  tiles: z.string().regex(/^(auto|off|\d+x\d+)$/),
  verify: z.enum(["off", "spot", "full"]),
  /** Render slots of the requester itself; 0 is `--no-local`. */
  local: z.int().min(0).max(4),
  video: z.boolean(),
  through: z.enum(["render", "serve"]),
  /** Which requester's home: two jobs may share one. */
  home: z.int().min(0).max(1),
  events: z.array(RequesterEvent).max(8),
});
export type JobStory = z.infer<typeof JobStory>;

/** All events around one or two concurrent jobs. Two runs of a story differ only in timing. */
export const Story = z.strictObject({
  seed: z.int().min(0),
  donors: z.array(DonorStory).max(4),
  jobs: z.array(JobStory).min(1).max(2),
  /** Processes that only use CPU time. */
  busyLoops: z.int().min(0).max(4),
});
export type Story = z.infer<typeof Story>;

/** A story in a line. */
export function describeStory(story: Story): string {
  const jobs = story.jobs.map((job) => [...wordsOf(job), ...job.events.map(eventWords)].join(" "));
  const donors = story.donors.map(({ home, slots, events }) => [home, slots, ...events.map(eventWords)].join(" "));
  const busy = story.busyLoops > 0 ? ` | ${story.busyLoops} busy loops` : "";
  return `${jobs.join(" + ")} | ${donors.length} donors: ${donors.join("; ")}${busy}`;
}

function wordsOf(job: JobStory): string[] {
  const { scene, format, tiles, verify, local, video, through, home } = job;
  return [
    scene,
    framesWords(job.frames),
    ...(format === undefined ? [] : [format]),
    `tiles=${tiles}`,
    `verify=${verify}`,
    `local=${local}`,
    ...(video ? ["video"] : []),
    ...(through === "serve" ? ["served"] : []),
    ...(home > 0 ? ["home 2"] : []),
  ];
}

function framesWords(frames: Frames): string {
  switch (frames.kind) {
    case "list":
      return `-f ${frames.first}..${frames.first + frames.count - 1}`;
    case "range":
      return `-s ${frames.first} -e ${lastOf(frames)} -j ${frames.step} -a`;
    case "scene":
      return "-a";
  }
}

/** The last frame of a range with steps. */
export function lastOf({ first, count, step }: { readonly first: number; readonly count: number; readonly step: number }): number {
  return first + (count - 1) * step;
}

function eventWords({ at, what, forMs }: DonorEvent | RequesterEvent): string {
  const moment = at.after === "start" ? "" : `${at.after}#${at.count}+`;
  return `${what}@${moment}${at.plusMs}ms(${forMs}ms)`;
}

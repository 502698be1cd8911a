import type { DonorStory, Frames, JobStory, Moment, Story } from "./story.ts";

/** Stories that are a little simpler than this one, the simplest first. */
export function simplerStories(story: Story): Story[] {
  return [
    ...without(story.jobs).flatMap((jobs) => (jobs.length > 0 ? [{ ...story, jobs }] : [])),
    ...without(story.donors).map((donors) => ({ ...story, donors })),
    ...(story.busyLoops > 0 ? [{ ...story, busyLoops: 0 }] : []),
    ...each(story.jobs, simplerJobs).map((jobs) => ({ ...story, jobs })),
    ...each(story.donors, simplerDonors).map((donors) => ({ ...story, donors })),
  ].filter(canBeDone);
}

/** At least one renderer must remain. */
function canBeDone({ donors, jobs }: Story): boolean {
  return donors.length > 0 || jobs.every(({ local }) => local > 0);
}

function simplerJobs(job: JobStory): JobStory[] {
  return [
    ...without(job.events).map((events) => ({ ...job, events })),
    ...simplerFrames(job.frames).map((frames) => ({ ...job, frames })),
    ...(job.through === "serve" ? [{ ...job, through: "render" as const }] : []),
    ...(job.video ? [{ ...job, video: false }] : []),
    ...(job.tiles === "off" ? [] : [{ ...job, tiles: "off" }, ...fewerTiles(job.tiles).map((tiles) => ({ ...job, tiles }))]),
    ...(job.verify === "off" ? [] : [{ ...job, verify: "off" as const }]),
    ...(job.local > 0 ? [{ ...job, local: job.local - 1 }] : []),
    ...(job.format === undefined ? [] : [withoutFormat(job)]),
    ...(job.home > 0 ? [{ ...job, home: 0 }] : []),
    ...each(job.events, sooner).map((events) => ({ ...job, events })),
  ];
}

function simplerDonors(donor: DonorStory): DonorStory[] {
  return [
    ...without(donor.events).map((events) => ({ ...donor, events })),
    ...(donor.slots > 1 ? [{ ...donor, slots: 1 }] : []),
    ...(donor.home === "kept" ? [{ ...donor, home: "fresh" as const }] : []),
    ...each(donor.events, sooner).map((events) => ({ ...donor, events })),
  ];
}

function simplerFrames(frames: Frames): Frames[] {
  if (frames.kind === "scene") return [];
  const fewer =
    frames.count > 1
      ? [
          { ...frames, count: Math.floor(frames.count / 2) },
          { ...frames, count: frames.count - 1 },
        ]
      : [];
  return frames.kind === "range" && frames.step > 1 ? [...fewer, { ...frames, step: 1 }] : fewer;
}

function fewerTiles(tiles: string): string[] {
  const [columns, rows] = tiles.split("x").map(Number);
  if (columns === undefined || rows === undefined) return [];
  const half = (count: number) => Math.max(1, Math.floor(count / 2));
  return [...(columns > 1 ? [`${half(columns)}x${rows}`] : []), ...(rows > 1 ? [`${columns}x${half(rows)}`] : [])];
}

/** Shorter, and exactly at the event. */
function sooner<E extends { readonly at: Moment; readonly forMs: number }>(event: E): E[] {
  return [
    ...(event.forMs > 1_000 ? [{ ...event, forMs: Math.floor(event.forMs / 2) }] : []),
    ...(event.at.after !== "start" && event.at.plusMs > 0 ? [{ ...event, at: { ...event.at, plusMs: 0 } }] : []),
  ];
}

function withoutFormat(job: JobStory): JobStory {
  const { format: _, ...rest } = job;
  return rest;
}

/** The list without one of its members, for each of them. */
function without<T>(list: readonly T[]): T[][] {
  return list.map((_, index) => list.toSpliced(index, 1));
}

/** The list with one of its members made simpler. */
function each<T>(list: readonly T[], simpler: (member: T) => readonly T[]): T[][] {
  return list.flatMap((member, index) => simpler(member).map((other) => list.with(index, other)));
}

export interface Shrunk {
  readonly story: Story;
  /** Stories that were tried. */
  readonly runs: number;
}

/**
 * The smallest story that still fails, within `mostRuns` runs: takes the first simpler one that fails, and starts
 * again from there. A random failure may not occur in the only run of a story.
 */
export async function shrinkStory(story: Story, fails: (story: Story) => Promise<boolean>, mostRuns: number): Promise<Shrunk> {
  let smallest = story;
  let runs = 0;
  for (let candidates = simplerStories(smallest); candidates.length > 0 && runs < mostRuns; ) {
    const [candidate, ...rest] = candidates;
    runs += 1;
    const isSmaller = candidate !== undefined && (await fails(candidate));
    if (isSmaller) smallest = candidate;
    candidates = isSmaller ? simplerStories(smallest) : rest;
  }
  return { story: smallest, runs };
}

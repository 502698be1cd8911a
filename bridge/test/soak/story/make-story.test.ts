import { describe, expect, it } from "vitest";
import { makeStory } from "./make-story.ts";
import { SCENES, sceneNamed } from "./scene-list.ts";
import { ANCHORS, DONOR_DEEDS, FORMATS, type JobStory, lastOf, REQUESTER_DEEDS, Story } from "./story.ts";

const stories = Array.from({ length: 300 }, (_, seed) => makeStory(seed));
const jobs = stories.flatMap((story) => story.jobs);
const donors = stories.flatMap((story) => story.donors);
const events = [...jobs.flatMap((job) => job.events), ...donors.flatMap((donor) => donor.events)];
const reached = (values: readonly unknown[]) => new Set(values);

describe("the story of a seed", () => {
  it("is the same each time, and different for another seed", () => {
    expect(stories.map(({ seed }) => makeStory(seed))).toEqual(stories);
    expect(new Set(stories.map((story) => JSON.stringify({ ...story, seed: 0 }))).size).toBeGreaterThan(290);
  });

  it("can be written to a file and read back", () => {
    for (const story of stories) expect(Story.parse(JSON.parse(JSON.stringify(story)))).toEqual(story);
  });

  it("requests only frames of its scene, and frame steps only where allowed", () => {
    const isAllowed = ({ scene, frames, through }: JobStory) => {
      const { first, last, whole } = sceneNamed(scene);
      if (frames.kind === "scene") return whole !== "never";
      const isThere = whole !== "only" && frames.first >= first && lastOf({ step: 1, ...frames }) <= last;
      return isThere && (frames.kind === "list" || through === "render");
    };
    expect(jobs.filter((job) => !isAllowed(job))).toEqual([]);
  });

  it("has at least one renderer", () => {
    for (const story of stories) expect(story.donors.length > 0 || story.jobs.every(({ local }) => local > 0)).toBe(true);
  });
});

describe("the stories of 300 seeds", () => {
  it("use no more tile columns than the picture has pixels", () => {
    const columns = jobs.filter(({ scene }) => scene === "tall").map(({ tiles }) => Number(/^\d+/.exec(tiles)?.[0] ?? 1));
    expect(Math.max(...columns)).toBe(5);
  });

  it("cover every scene, format, kind of frames, and kind of tiles", () => {
    expect(reached(jobs.map(({ scene }) => scene))).toEqual(new Set(SCENES.map(({ name }) => name)));
    expect(reached(jobs.flatMap(({ format }) => format ?? []))).toEqual(new Set(FORMATS));
    expect(reached(jobs.map(({ frames }) => frames.kind))).toEqual(new Set(["list", "range", "scene"]));
    expect(jobs.some(({ frames }) => frames.kind !== "scene" && frames.count === 40)).toBe(true);
    for (const how of [/^auto$/, /^off$/, /^\d+x\d+$/]) expect(jobs.some(({ tiles }) => how.test(tiles))).toBe(true);
  });

  it("cover every kind of requester, donor and event", () => {
    expect(reached(jobs.map(({ verify }) => verify))).toEqual(new Set(["off", "spot", "full"]));
    expect(reached(jobs.map(({ through }) => through))).toEqual(new Set(["render", "serve"]));
    expect(reached(jobs.map(({ local }) => local))).toEqual(new Set([0, 1, 2]));
    expect(jobs.some(({ video }) => video)).toBe(true);
    expect(reached(stories.map((story) => story.donors.length))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(reached(donors.map(({ home }) => home))).toEqual(new Set(["fresh", "kept"]));
    expect(reached(events.map(({ what }) => what))).toEqual(new Set([...DONOR_DEEDS, ...REQUESTER_DEEDS]));
    expect(reached(events.map(({ at }) => at.after))).toEqual(new Set(["start", ...ANCHORS]));
    expect(events.some(({ what, forMs }) => what === "sleep" && forMs > 40_000)).toBe(true);
    expect(stories.some(({ busyLoops }) => busyLoops > 0)).toBe(true);
  });

  it("cover two concurrent jobs, from one home and from two", () => {
    const pairs = stories.flatMap((story) => (story.jobs.length === 2 ? [story.jobs.map(({ home }) => home)] : []));
    expect(pairs.some(([one, other]) => one === other)).toBe(true);
    expect(pairs.some(([one, other]) => one !== other)).toBe(true);
  });
});

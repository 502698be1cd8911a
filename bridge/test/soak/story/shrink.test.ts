import { describe, expect, it } from "vitest";
import { makeStory } from "./make-story.ts";
import { shrinkStory, simplerStories } from "./shrink.ts";
import { Story } from "./story.ts";

/** A story with one cause of failure and many other events. */
const busy: Story = {
  seed: 7,
  busyLoops: 1,
  donors: [
    { home: "kept", slots: 2, events: [{ at: { after: "start", count: 0, plusMs: 900 }, what: "pause", forMs: 4_000 }] },
    { home: "fresh", slots: 1, events: [{ at: { after: "chunk-accepted", count: 3, plusMs: 250 }, what: "kill", forMs: 800 }] },
    { home: "fresh", slots: 2, events: [] },
  ],
  jobs: [
    {
      scene: "moving",
      frames: { kind: "range", first: 3, count: 13, step: 2 },
      format: "JPEG",
      tiles: "3x2",
      verify: "full",
      local: 2,
      video: true,
      through: "render",
      home: 1,
      events: [{ at: { after: "frame-finished", count: 2, plusMs: 40 }, what: "interrupt", forMs: 100 }],
    },
    {
      scene: "film",
      frames: { kind: "list", first: 1, count: 1 },
      tiles: "auto",
      verify: "spot",
      local: 0,
      video: false,
      through: "serve",
      home: 0,
      events: [],
    },
  ],
};

describe("a failed story is shrunk", () => {
  it("down to the one donor, job and event that make it fail", async () => {
    const fails = async ({ jobs, donors }: Story) =>
      donors.some(({ events }) => events.some(({ what }) => what === "kill")) &&
      jobs.some(({ scene, frames }) => scene === "moving" && frames.kind === "range" && frames.count >= 3);
    const { story } = await shrinkStory(busy, fails, 1_000);
    expect(story).toEqual({
      seed: 7,
      busyLoops: 0,
      donors: [{ home: "fresh", slots: 1, events: [{ at: { after: "chunk-accepted", count: 3, plusMs: 0 }, what: "kill", forMs: 800 }] }],
      jobs: [
        {
          scene: "moving",
          frames: { kind: "range", first: 3, count: 3, step: 1 },
          tiles: "off",
          verify: "off",
          local: 0,
          video: false,
          through: "render",
          home: 0,
          events: [],
        },
      ],
    });
  });

  it("and stays a story that can be played", () => {
    for (let seed = 0; seed < 100; seed += 1) {
      for (const story of simplerStories(makeStory(seed))) {
        expect(Story.parse(story)).toEqual(story);
        expect(story.donors.length > 0 || story.jobs.every(({ local }) => local > 0)).toBe(true);
      }
    }
  });

  it("within its limit of tries", async () => {
    let tries = 0;
    const fails = async () => {
      tries += 1;
      return true;
    };
    expect((await shrinkStory(busy, fails, 5)).runs).toBe(5);
    expect(tries).toBe(5);
  });

  it("and is unchanged when nothing simpler fails", async () => {
    expect((await shrinkStory(busy, async () => false, 1_000)).story).toEqual(busy);
  });
});

import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { JobEvent } from "../../core/job/job-events.ts";
import { emptyProgress, jobSecondsLeft, updateProgress } from "../../core/job/job-progress.ts";
import { drawProgress } from "./render-view.ts";

const place = { scene: "Scene", frame: 1, rect: { x: 0, y: 0, width: 80, height: 60 } };

const story: readonly [number, JobEvent][] = [
  [0, { event: "job-created", job: "j", scene: "/s.blend", blender: "4.3.2", frames: 1, chunks: 4, chunksDone: 0, tiles: "2x2" }],
  [0, { event: "donor-joined", donor: "d1", name: "anna", slots: 1, local: false }],
  [100, { event: "chunk-started", chunk: "Scene:1:0-0-80-60", donor: "d1", place }],
  [1_000, { event: "chunk-accepted", chunk: "Scene:1:0-0-80-60", donor: "d1", seconds: 1, bytes: 2_000_000, done: 1, total: 4, place }],
  [2_000, { event: "chunk-accepted", chunk: "Scene:1:80-0-80-60", donor: "d1", seconds: 1, bytes: 0, done: 2, total: 4, place }],
];

function pictureAt(steps: number) {
  const picture = emptyProgress(0);
  for (const [at, event] of story.slice(0, steps)) updateProgress(picture, event, at);
  return picture;
}

describe("the progress view", () => {
  it("shows the job's progress, its donors and its results", () => {
    const drawn = stripVTControlCharacters(drawProgress(pictureAt(5), 2_000, 100));
    expect(drawn).toMatch(/50 %.*2\/4 chunks/);
    expect(drawn).toMatch(/anna\s+2 done/);
    expect(drawn).toContain("2 MB received");
  });

  it("shows what a donor is doing", () => expect(drawProgress(pictureAt(3), 200, 100)).toContain("frame 1, tile 0,0"));

  it("shows why a donor is paused, and when it resumes", () => {
    const picture = pictureAt(3);
    updateProgress(picture, { event: "donor-availability", donor: "d1", name: "anna", open: false, reason: "somebody is using it" }, 300);
    expect(drawProgress(picture, 300, 100)).toContain("paused: somebody is using it");
    updateProgress(picture, { event: "donor-availability", donor: "d1", name: "anna", open: true, reason: undefined }, 400);
    expect(drawProgress(picture, 400, 100)).not.toContain("paused:");
  });

  it("fits the terminal's width", () => {
    const lines = stripVTControlCharacters(drawProgress(pictureAt(5), 2_000, 60)).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(75);
  });

  it("shows no time left before it can be estimated, and then an estimate from the pace", () => {
    expect(jobSecondsLeft(pictureAt(4), 1_500)).toBeUndefined();
    expect(jobSecondsLeft(pictureAt(5), 2_000)).toBe(2);
  });
});

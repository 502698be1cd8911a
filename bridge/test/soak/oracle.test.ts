import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { JsonLine } from "../bridge-command.ts";
import { Happenings } from "./story/happenings.ts";
import { type JobPlace, sceneFolderOf } from "./play/job-place.ts";
import { judge, leftInHome } from "./oracle.ts";
import { type Reference, referenceOf } from "./play/reference.ts";
import type { JobStory } from "./story/story.ts";
import { openWorkFolder, type WorkFolder } from "./play/work-folder.ts";

/** Served: the job list of a command line needs a home that has worked. */
const story: JobStory = {
  scene: "strips",
  frames: { kind: "list", first: 1, count: 2 },
  tiles: "auto",
  verify: "off",
  local: 1,
  video: false,
  through: "serve",
  home: 0,
  events: [],
};
const ended = (changes: object = {}, stats: object = {}): JsonLine => ({
  event: "job-ended",
  outcome: "complete",
  ...changes,
  stats: { framesDone: 2, framesTotal: 2, banned: [], ...stats },
});

let root: string;
let work: WorkFolder;
let reference: Reference;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-oracle-"));
  work = await openWorkFolder(root);
  reference = await referenceOf(work, story);
});
afterAll(() => rm(root, { recursive: true, force: true }));

let place: JobPlace;
beforeEach(async () => {
  const folder = await mkdtemp(join(root, "job-"));
  place = { name: "job", folder, scenePath: "", home: "", swarm: "", temporary: "", donors: [], happenings: new Happenings() };
  await cp(reference.folder, sceneFolderOf(place), { recursive: true });
});
const ours = (name: string) => join(sceneFolderOf(place), "render", name);

async function kindsOf(last: readonly JsonLine[] = [ended()]): Promise<string[]> {
  const faults = await judge(work, story, place, { job: "j", last, all: last, faults: [], reference });
  return faults.map(({ kind }) => kind);
}

describe("the soak's findings about a job", () => {
  it("none, when its files equal plain Blender's", async () => {
    expect(await kindsOf()).toEqual([]);
  });

  it("lost: a frame is missing, different, or extra", async () => {
    await rm(ours("f_0002.png"));
    expect(await kindsOf()).toEqual(["lost"]);
    await cp(join(work.scenes, "strips-image", "card_1.png"), ours("f_0002.png"));
    expect(await kindsOf()).toEqual(["lost"]);
    await cp(join(reference.folder, "render", "f_0002.png"), ours("f_0002.png"));
    await cp(ours("f_0002.png"), ours("f_0003.png"));
    expect(await kindsOf()).toEqual(["lost"]);
  });

  it("left over: a folder that Blender would not make", async () => {
    await mkdir(ours(".stage"));
    expect(await kindsOf()).toEqual(["left over"]);
  });

  it("lost: it does not report completion exactly once", async () => {
    expect(await kindsOf([])).toEqual(["lost"]);
    expect(await kindsOf([ended(), ended()])).toEqual(["lost"]);
    expect(await kindsOf([ended({ outcome: "incomplete" })])).toEqual(["lost"]);
    expect(await kindsOf([ended({}, { framesDone: 1 })])).toEqual(["lost"]);
    expect(await kindsOf([ended({ missing: [{ frame: 2 }] })])).toEqual(["lost"]);
  });

  it("banned: a donor was banned, although all are honest", async () => {
    const bar = { event: "donor-banned", donor: "d", name: "donor-0", reason: "it returned another picture" };
    expect(await kindsOf([bar, ended({}, { banned: ["d"] })])).toEqual(["banned", "banned"]);
  });
});

describe("a home after all processes have ended", () => {
  it("must hold no job, no scratch and no partial file", async () => {
    const home = join(root, "home");
    await mkdir(join(home, "scratch", "12"), { recursive: true });
    await mkdir(join(home, "jobs", "261130-120000-abcd"), { recursive: true });
    await writeFile(join(home, "half.part"), "");
    expect((await leftInHome(home)).map(({ kind }) => kind)).toEqual(["left over", "left over", "left over"]);
    await rm(home, { recursive: true });
    expect(await leftInHome(home)).toEqual([]);
  });
});

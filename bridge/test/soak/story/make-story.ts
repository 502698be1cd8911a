import { Random } from "../../random.ts";
import { SCENES, type SoakScene } from "./scene-list.ts";
import { ANCHORS, DONOR_DEEDS, type DonorEvent, type DonorStory, type Frames, type JobStory, type Moment } from "./story.ts";
import { REQUESTER_DEEDS, type RequesterEvent, type Story } from "./story.ts";

/** The story of a seed: the same one each time. */
export function makeStory(seed: number): Story {
  const random = new Random(seed);
  const jobs = random.times(random.chance(0.2) ? 2 : 1, () => makeJob(random));
  const isAlone = jobs.every(({ local }) => local > 0) && random.chance(0.15);
  const donors = isAlone ? [] : random.times(Number(random.weighted({ 1: 4, 2: 5, 3: 2, 4: 1 })), () => makeDonor(random));
  return { seed, donors, jobs, busyLoops: random.chance(0.08) ? random.int(1, 2) : 0 };
}

function makeJob(random: Random): JobStory {
  const scene = pickScene(random);
  const through = random.chance(0.2) ? "serve" : "render";
  const frames = makeFrames(random, scene, through);
  return {
    scene: scene.name,
    frames,
    ...(scene.formats.length > 0 && random.chance(0.4) ? { format: random.pick(scene.formats) } : {}),
    tiles: makeTiles(random, frames, scene),
    verify: random.weighted({ off: 4, spot: 4, full: 2 }),
    local: Number(random.weighted({ 0: 6, 1: 3, 2: 1 })),
    video: scene.name === "moving" && frames.kind !== "list" && random.chance(0.4),
    through,
    home: random.int(0, 1),
    events: random.chance(0.4) ? random.times(random.int(1, 2), () => makeRequesterEvent(random)) : [],
  };
}

function pickScene(random: Random): SoakScene {
  const name = random.weighted(Object.fromEntries(SCENES.map(({ name: each, weight }) => [each, weight])));
  return SCENES.find((scene) => scene.name === name)!;
}

function makeFrames(random: Random, scene: SoakScene, through: JobStory["through"]): Frames {
  if (scene.whole === "only" || (scene.whole === "possible" && random.chance(0.25))) return { kind: "scene" };
  const most = scene.last - scene.first + 1;
  const count = Math.min(most, Number(random.weighted({ 1: 5, 2: 2, 3: 3, 5: 3, 8: 2, 13: 1, 24: 1, 40: 1 })));
  const first = random.int(scene.first, scene.last - count + 1);
  // `bridge serve` accepts no -s, -e and -j.
  if (count === 1 || through === "serve" || random.chance(0.5)) return { kind: "list", first, count };
  const step = Math.min(random.pick([1, 1, 2, 3]), Math.max(1, Math.floor((scene.last - first) / (count - 1))));
  return { kind: "range", first, count, step };
}

function makeTiles(random: Random, frames: Frames, { width = Number.POSITIVE_INFINITY }: SoakScene): string {
  const isStill = frames.kind === "list" && frames.count <= 3;
  const how = random.weighted(isStill ? { auto: 3, off: 1, grid: 6 } : { auto: 5, off: 3, grid: 3 });
  if (how !== "grid") return how;
  const most = isStill ? 8 : 3;
  const [columns, rows] = [random.int(1, most), random.int(1, most)];
  return `${Math.min(columns, width)}x${rows}`;
}

function makeDonor(random: Random): DonorStory {
  return {
    home: random.chance(0.5) ? "kept" : "fresh",
    slots: random.chance(0.25) ? 2 : 1,
    events: random.chance(0.45) ? random.times(random.int(1, 2), () => makeDonorEvent(random)) : [],
  };
}

function makeDonorEvent(random: Random): DonorEvent {
  const what = random.pick(DONOR_DEEDS);
  const at = makeMoment(random);
  if (what === "sleep") return { at, what, forMs: random.chance(0.08) ? 45_000 : random.int(1_000, 20_000) };
  return { at, what, forMs: random.int(0, what === "pause" ? 8_000 : 4_000) };
}

function makeRequesterEvent(random: Random): RequesterEvent {
  return { at: makeMoment(random), what: random.pick(REQUESTER_DEEDS), forMs: random.int(0, 3_000) };
}

/** Mostly close to an event, since failures occur between two of them. */
function makeMoment(random: Random): Moment {
  if (random.chance(0.25)) return { after: "start", count: 0, plusMs: random.int(0, 12_000) };
  const after = random.pick(ANCHORS);
  return { after, count: random.int(1, after === "job-created" ? 1 : 6), plusMs: random.chance(0.5) ? 0 : random.int(1, 800) };
}

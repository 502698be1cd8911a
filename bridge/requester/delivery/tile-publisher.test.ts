import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chunk } from "../../core/plan/chunk.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import type { Rect } from "../../core/job/scene-facts.ts";
import { distinctBits, makeExr } from "../../media/fixtures/make-exr.ts";
import { type Media, openMedia } from "../../media/worker/media-pool.ts";
import { JobFolder } from "../job-folder.ts";
import { TilePublisher } from "./tile-publisher.ts";
import { systemWorld } from "../../kernel/world.ts";

const names = ["L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R"];
/** The user's border inside a frame of 100 x 80. */
const region: Rect = { x: 10, y: 20, width: 40, height: 30 };
/** What the donor was asked for, with an overscan, and what of it counts. */
const rect: Rect = { x: 8, y: 18, width: 30, height: 20 };
const tileRect: Rect = { x: 10, y: 20, width: 25, height: 16 };
const spec = { kind: "raw", scene: "Scene", frame: 3, width: 100, height: 80, rect, denoise: "none" } as const;
const tile: Chunk = { id: "a", cost: 1, spec, tileRect };
const whole: Chunk = { id: "whole", cost: 1, spec: { ...spec, frame: 4 } };
const { signal } = new AbortController();

const sceneFrame = (frame: number, chunks: readonly string[]) => {
  const planned = { kind: "raw", width: 100, height: 80, region } as const;
  return { ...planned, key: `${frame}`, sceneFrame: { scene: "Scene", frame }, chunks };
};
const plan: JobPlan = {
  chunks: [tile, whole],
  sceneFrames: [sceneFrame(3, ["a", "b"]), sceneFrame(4, ["whole"])],
  outputs: [],
  messages: [],
  inOrder: false,
  grids: [],
};
const files = [{ role: "raw", name: "f.exr", sha256: "hash", bytes: 1 }] as const;

let root: string;
let media: Media;
let tiles: TilePublisher;
let folder: JobFolder;
let events: JobEvent[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-tiles-"));
  media = openMedia();
  events = [];
  folder = new JobFolder(systemWorld, root, "job");
  await folder.create();
  const result = { width: rect.width, height: rect.height, parts: [{ channels: names.map((name) => ({ name })) }], bits: distinctBits };
  for (const donor of ["anna", "bert"])
    await writeFile(folder.resultPath("a", donor, "hash"), makeExr({ ...result, compression: "zip", attributes: { "cycles.x": "1" } }));
  const summaryOf = async () => ({ channels: names, attributes: {}, nonFinite: 0 });
  tiles = new TilePublisher({ media, files: folder, summaryOf, observe: (event) => void events.push(event) }, plan);
});
afterEach(async () => {
  await media[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

describe("a tile of a growing frame", () => {
  it("is published as its own file, cropped, with the result's pixels", async () => {
    await tiles.show(tile, "anna", files, signal);
    const path = join(root, "job", "tiles", "0.exr");
    expect(events).toEqual([{ event: "tile", chunk: "a", donor: "anna", scene: "Scene", frame: 3, rect: tileRect, region, path }]);
    await media.check(path, { width: tileRect.width, height: tileRect.height, maxBytes: 1e6 }, signal);
    const reference = { path: folder.resultPath("a", "anna", "hash"), rect };
    expect(await media.compare({ result: { path, rect: tileRect }, reference, rect: tileRect }, signal)).toMatchObject({
      differingPixels: 0,
    });
  });

  it("is rewritten: it holds nothing of the donor's file but the floats", async () => {
    await tiles.show(tile, "anna", files, signal);
    expect(readFileSync(join(root, "job", "tiles", "0.exr")).includes("cycles.x")).toBe(false);
  });

  it("is removed when its frame is whole or its result is revoked; a new result is a new file", async () => {
    await tiles.show(tile, "anna", files, signal);
    await tiles.drop(["a", "never shown"]);
    expect(existsSync(join(root, "job", "tiles", "0.exr"))).toBe(false);
    await tiles.show(tile, "bert", files, signal);
    expect(events.at(-1)).toMatchObject({ donor: "bert", path: join(root, "job", "tiles", "1.exr") });
  });

  it("that is the whole frame is not published: the frame follows at once", async () => {
    await tiles.show(whole, "anna", files, signal);
    expect(events).toEqual([]);
  });
});

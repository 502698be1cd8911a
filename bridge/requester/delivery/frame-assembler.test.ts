import { TILES_AS_THEY_ARE } from "../fixtures/tiles-as-they-are.ts";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk } from "../../core/plan/chunk.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { FrameAssembler, type FinishedFrame, type FrameCallbacks } from "./frame-assembler.ts";

/** One frame of two tiles, pasted into one text. */
const CHUNKS = ["left", "right"].map(
  (id, at): Chunk => ({
    id,
    cost: 1,
    spec: {
      kind: "raw",
      scene: "Scene",
      frame: 1,
      width: 2,
      height: 1,
      rect: { x: at, y: 0, width: 1, height: 1 },
      denoise: "none",
    },
  }),
);
const PLAN: JobPlan = {
  chunks: CHUNKS,
  sceneFrames: [
    {
      key: "Scene:1",
      sceneFrame: { scene: "Scene", frame: 1 },
      kind: "raw",
      width: 2,
      height: 1,
      region: { x: 0, y: 0, width: 2, height: 1 },
      chunks: ["left", "right"],
    },
  ],
  outputs: [{ frame: 1, sceneFrames: ["Scene:1"] }],
  messages: [],
  inOrder: false,
  grids: [],
};

const { signal } = new AbortController();
let assembler: FrameAssembler;
let open: (movie: { start: number; end: number; step: number } | undefined) => FrameAssembler;
let picture: string[];
let made: string[];
let told: string[];
/** Nothing of the frame is in doubt. */
let isSafe: boolean;
/** What happens while the picture is made. */
let meanwhile: () => Promise<unknown>;

const watch: FrameCallbacks = {
  isSafe: () => isSafe,
  isItsTurn: () => true,
  claim: () => isSafe,
  begun: () => void told.push("begun"),
  denoising: () => {},
  undone: () => void told.push("undone"),
  finished: async (frames: readonly FinishedFrame[]) => void told.push(...frames.map(({ frame }) => `finished ${frame}: ${made.at(-1)}`)),
  failed: (_frame, error) => void told.push(`failed: ${String(error)}`),
};

beforeEach(() => {
  [picture, made, told, isSafe, meanwhile] = [["", ""], [], [], true, async () => {}];
  const finisher = {
    finishFrame: async () => {
      made.push(picture.join("|"));
      const [happens, nothing] = [meanwhile, async () => {}];
      meanwhile = nothing;
      await happens();
      return [{ path: "out/f_0001.png", bytes: 1, main: true }];
    },
    finishMovie: async () => finisher.finishFrame(),
  };
  open = (movie) =>
    new FrameAssembler(
      {
        media: {
          createAssembled: async () => {},
          paste: async ({ resultPath, resultRect }) => void (picture[resultRect.x] = resultPath),
        },
        files: {
          resultPath: (_chunk, donor) => donor,
          tiledPath: (path) => path,
          remove: async () => {},
          deliver: async () => ({ path: "out", bytes: 1, main: true }),
        },
        assembledPath: () => "assembled",
        completion: TILES_AS_THEY_ARE,
        finisher,
        summaryOf: async () => ({ channels: ["R"], attributes: {}, nonFinite: 0 }),
        drop: async () => {},
      },
      { plan: PLAN, outputFolder: "out", movie, deliver: "files" },
      [],
    );
  assembler = open(undefined);
});

const add = (chunk: string, donor: string) =>
  assembler.add(chunk, { donor, files: [{ role: "raw", name: "f", sha256: "0", bytes: 1 }] }, signal);

describe("a frame", () => {
  it("is finished once, when all its chunks are there", async () => {
    await add("left", "a");
    await assembler.finishReady(watch, signal);
    expect(told).toEqual([]);
    await add("right", "b");
    await Promise.all([assembler.finishReady(watch, signal), assembler.finishReady(watch, signal)]);
    expect(told).toEqual(["begun", "finished 1: a|b"]);
  });

  it("is finished again when a tile was revoked and replaced during finishing", async () => {
    await add("left", "liar");
    await add("right", "b");
    meanwhile = async () => {
      assembler.remove("left");
      await add("left", "a");
    };
    await assembler.finishReady(watch, signal);
    expect(told).toEqual(["begun", "undone", "begun", "finished 1: a|b"]);
  });

  it("waits when a tile was revoked during finishing", async () => {
    await add("left", "liar");
    await add("right", "b");
    meanwhile = async () => assembler.remove("left");
    await assembler.finishReady(watch, signal);
    expect(told).toEqual(["begun", "undone"]);
    await add("left", "a");
    await assembler.finishReady(watch, signal);
    expect(told.slice(2)).toEqual(["begun", "finished 1: a|b"]);
  });

  it("does not count when a result was put on hold during finishing", async () => {
    await add("left", "a");
    await add("right", "b");
    meanwhile = async () => void (isSafe = false);
    await assembler.finishReady(watch, signal);
    expect(told).toEqual(["begun", "undone"]);
    isSafe = true;
    await assembler.finishReady(watch, signal);
    expect(told.slice(2)).toEqual(["begun", "finished 1: a|b"]);
  });
});

it("a tile that is revoked while it is pasted does not count", async () => {
  const adding = add("left", "liar");
  assembler.remove("left");
  expect(await adding).toBe(false);
});

it.each([
  ["a frame", undefined],
  ["a movie", { start: 1, end: 1, step: 1 }],
])("%s is not finished with a revoked tile, nor without it", async (_, movie) => {
  assembler = open(movie);
  await add("left", "liar");
  await add("right", "b");
  assembler.remove("left");
  await assembler.finishReady(watch, signal);
  expect(told).toEqual([]);
  await add("left", "a");
  await assembler.finishReady(watch, signal);
  expect(told).toEqual(["begun", "finished 1: a|b"]);
});

describe("frames that donors return as final files", () => {
  const plan = planOf({ costs: [1, 1], kind: "files" });
  let delivered: string[];
  let removed: string[];
  let dropped: string[];
  const finals = () =>
    new FrameAssembler(
      {
        media: {
          createAssembled: () => Promise.reject(new Error("no raw frames")),
          paste: () => Promise.reject(new Error("no raw frames")),
        },
        files: {
          resultPath: (chunk, donor, hash) => `${chunk} of ${donor} ${hash}`,
          tiledPath: (path) => path,
          remove: async (paths) => void removed.push(...paths),
          deliver: async (from, to) => {
            delivered.push(`${from} -> ${to}`);
            return { path: to, bytes: 1, main: true };
          },
        },
        assembledPath: ({ frame }) => `assembled ${frame}`,
        completion: TILES_AS_THEY_ARE,
        finisher: { finishFrame: () => Promise.reject(new Error("not ours")), finishMovie: () => Promise.reject(new Error("not ours")) },
        summaryOf: async () => undefined,
        drop: async (chunk, donor) => void dropped.push(`${chunk} of ${donor}`),
      },
      { plan, outputFolder: "/out", movie: undefined, deliver: "files" },
      [],
    );
  const output = (name: string, sha256: string) => ({ role: "output" as const, name, sha256, bytes: 1 });
  beforeEach(() => {
    [delivered, removed, dropped] = [[], [], []];
  });

  it("are moved to the output folder under Blender's own names, without previews", async () => {
    const assembly = finals();
    const preview = { role: "preview" as const, name: "p.jpg", sha256: "cc", bytes: 1 };
    await assembly.add("c1", { donor: "a", files: [output("f_0001.png", "aa"), output("f_0001.exr", "bb"), preview] }, signal);
    await assembly.finishReady(watch, signal);
    expect(delivered).toEqual([`c1 of a aa -> ${join("/out", "f_0001.png")}`, `c1 of a bb -> ${join("/out", "f_0001.exr")}`]);
    expect(dropped).toEqual(["c1 of a"]);
  });

  it("are not delivered again when they were finished before", async () => {
    const assembly = finals();
    await assembly.add("c0", { donor: "a", files: [output("f_0000.png", "aa")] }, signal);
    await assembly.finishReady(watch, signal);
    await assembly.finishReady(watch, signal);
    expect(delivered).toHaveLength(1);
  });
});

it("accepting a result of an unknown chunk is a bug; revoking one is not", async () => {
  await expect(add("middle", "a")).rejects.toThrow("no scene frame holds chunk middle");
  assembler.remove("middle");
});

import { denoiseRecipe } from "../fixtures/denoise-recipe.ts";
import type { DenoiseRecipe } from "../job/denoise-recipe.ts";
import { describe, expect, it } from "vitest";
import { facts, scene } from "../fixtures/scene-facts.ts";
import { planJob, type PlanOptions } from "./plan.ts";

const STILL: PlanOptions = { frames: [1], still: true, slots: 2 };
const ANIMATION: PlanOptions = { frames: [1, 2, 3], still: false, slots: 2 };
const GRID = { kind: "grid", columns: 4, rows: 3 } as const;
const SIMULATION = { code: "unbaked-simulation", message: "The smoke is not baked." };
const EEVEE = { engine: "BLENDER_EEVEE" } as const;

const codes = (plan: ReturnType<typeof planJob>) => plan.messages.map(({ code }) => code);

describe("planJob", () => {
  it("cuts stills into tiles and leaves the frames of animations whole, unless options say otherwise", () => {
    const heavy = facts([scene({ width: 1920, height: 1080 })]);
    expect(planJob(heavy, STILL).chunks.length).toBeGreaterThan(4);
    expect(planJob(heavy, { ...STILL, tiles: { kind: "off" } }).chunks).toHaveLength(1);
    expect(planJob(heavy, { ...ANIMATION, tiles: { kind: "off" } }).chunks).toHaveLength(3);
    expect(planJob(heavy, { ...ANIMATION, tiles: GRID }).chunks).toHaveLength(36);
  });

  it("cuts coarser for slots that are known to be fast", () => {
    const heavy = facts([scene({ width: 1920, height: 1080 })]);
    const fast = { secondsPerSamplePixel: 1e-9 };
    expect(planJob(heavy, { ...STILL, ...fast }).chunks.length).toBeLessThan(planJob(heavy, STILL).chunks.length);
    expect(planJob(heavy, { ...ANIMATION, ...fast }).chunks).toHaveLength(3);
  });

  it("cuts the last frames of a heavy animation into tiles when whole frames would leave slots idle", () => {
    const heavy = facts([scene({ width: 1920, height: 1080 })]);
    const { chunks, grids } = planJob(heavy, ANIMATION);
    const counts = [1, 2, 3].map((frame) => chunks.filter(({ spec }) => spec.frame === frame).length);
    expect(counts).toEqual([1, 1, expect.any(Number)]);
    expect(counts[2]).toBeGreaterThan(4);
    expect(planJob(heavy, { ...ANIMATION, slots: 64, grids }).chunks).toEqual(chunks);
    expect(planJob(heavy, { ...ANIMATION, slots: 1 }).chunks).toHaveLength(3);
    const untileable = [{ code: "freestyle", message: "Freestyle draws lines over the whole frame." }];
    expect(planJob(facts([scene({ width: 1920, height: 1080, untileable })]), ANIMATION).chunks).toHaveLength(3);
  });

  it("gives the same plan and the same chunk ids for the same input", () => {
    const input = facts([scene({ adaptive: true })]);
    expect(planJob(input, { ...STILL, tiles: GRID })).toEqual(planJob(input, { ...STILL, tiles: GRID }));
    expect(planJob(input, ANIMATION).chunks.map(({ id }) => id)).toEqual([
      "Scene:1:0-0-128-96",
      "Scene:2:0-0-128-96",
      "Scene:3:0-0-128-96",
    ]);
  });

  it("cuts a resumed job as it was cut before, whatever donors are there now", () => {
    const heavy = facts([scene({ width: 1920, height: 1080 })]);
    const first = planJob(heavy, STILL);
    expect(planJob(heavy, { ...STILL, slots: 64, grids: first.grids }).chunks).toEqual(first.chunks);
  });

  it("makes ids that hold nothing but plain characters", () => {
    const names = ["Szene 1/ä:b", "../..", "a\ud800"];
    for (const name of names) expect(planJob(facts([scene({ name })]), STILL).chunks[0]?.id).toMatch(/^[\w%.!~*'()-]+:1:\d+-\d+-\d+-\d+$/);
  });

  it("gives tiles the overscan that their scene needs, inside the region, and a crop", () => {
    const { chunks } = planJob(facts([scene({ overscanPx: 16 })]), { ...STILL, tiles: { kind: "grid", columns: 2, rows: 1 } });
    expect(chunks[0]).toMatchObject({
      tileRect: { x: 0, y: 0, width: 64, height: 96 },
      spec: { rect: { x: 0, y: 0, width: 80, height: 96 } },
    });
    expect(planJob(facts([scene({ overscanPx: 16 })]), ANIMATION).chunks[0]).not.toHaveProperty("tileRect");
  });

  it("renders only the user's border", () => {
    const region = { x: 10, y: 20, width: 40, height: 30 };
    const { chunks, sceneFrames } = planJob(facts([scene({ region })]), ANIMATION);
    expect(chunks[0]?.spec).toMatchObject({ rect: region, width: 128, height: 96 });
    expect(sceneFrames[0]?.region).toEqual(region);
  });

  it("says why a still is not tiled, and renders it whole", () => {
    const reason = { code: "freestyle", message: "Freestyle draws lines over the whole frame." };
    const plan = planJob(facts([scene({ untileable: [reason] })]), { ...STILL, tiles: GRID });
    expect(plan.chunks).toHaveLength(1);
    expect(plan.messages).toEqual([reason]);
    expect(planJob(facts([scene({ untileable: [reason] })]), ANIMATION).messages).toEqual([]);
  });

  it("denoises whole frames as they are rendered, or says that this Blender cannot", () => {
    const plan = planJob(facts([scene({ denoised: true })]), STILL);
    expect(plan.chunks).toMatchObject([{ spec: { denoise: "in-render" } }]);
    expect(codes(plan)).toEqual(["whole-frames-denoised"]);
    expect(() => planJob(facts([scene({ denoised: true })], { hasDenoiser: false }), STILL)).toThrow(
      expect.objectContaining({ code: "DENOISER_MISSING" }),
    );
  });

  describe("of a denoised scene", () => {
    const denoised = (recipe: Partial<DenoiseRecipe>) => facts([scene({ denoised: true, denoise: denoiseRecipe(recipe) })]);
    const cut = { ...STILL, tiles: { kind: "grid", columns: 2, rows: 1 } } as const;

    it("cuts noisy tiles, and denoises the assembled frame", () => {
      const plan = planJob(denoised({}), cut);
      expect(plan.chunks.map(({ spec }) => spec)).toMatchObject([{ denoise: "after-assembly" }, { denoise: "after-assembly" }]);
      expect(plan.chunks[0]?.spec).not.toHaveProperty("film");
      expect(plan.sceneFrames).toMatchObject([{ denoise: { way: "mean" } }]);
      expect(plan.messages).toEqual([]);
    });

    it("renders tiles at the film exposure that leaves sums of samples", () => {
      const film = { exposure: 1.25, lightThreshold: 0, scale: 0.0625 };
      const plan = planJob(denoised({ way: "sum", film }), cut);
      expect(plan.chunks[0]?.spec).toMatchObject({ film: { exposure: 1.25, lightThreshold: 0 } });
      expect(plan.chunks[0]?.spec).not.toHaveProperty("film.scale");
    });

    it("denoises a frame of one piece inside its render", () => {
      const plan = planJob(denoised({}), { ...STILL, tiles: { kind: "off" } });
      expect(plan.chunks).toMatchObject([{ spec: { denoise: "in-render" } }]);
      expect(plan.sceneFrames[0]?.denoise).toBeUndefined();
    });

    it("says when tiles are equal only nearly, and renders whole frames if that must not be", () => {
      expect(codes(planJob(denoised({ way: "near" }), cut))).toEqual(["tiles-nearly-equal"]);
      const exact = planJob(denoised({ way: "near" }), { ...cut, exact: true });
      expect(exact.chunks).toMatchObject([{ spec: { denoise: "in-render" } }]);
      expect(codes(exact)).toEqual(["whole-frames-exact"]);
      expect(planJob(denoised({}), { ...cut, exact: true }).chunks).toHaveLength(2);
    });
  });

  it("steps unbaked simulations in order from the scene's start", () => {
    const plan = planJob(facts([scene({ inOrder: SIMULATION })], { frameStart: 2 }), { ...ANIMATION, frames: [9, 4, 1], tiles: GRID });
    expect(plan.inOrder).toBe(true);
    expect(plan.chunks.map(({ spec }) => [spec.frame, spec.stepFrom])).toEqual([
      [1, 1],
      [4, 2],
      [9, 2],
    ]);
    expect(plan.outputs.map(({ frame }) => frame)).toEqual([9, 4, 1]);
    expect(codes(plan)).toEqual(["unbaked-simulation"]);
  });

  it("asks donors for final files where an engine needs whole frames", () => {
    const plan = planJob(facts([scene(EEVEE)]), STILL);
    expect(plan.chunks).toMatchObject([{ id: "Scene:1:files", spec: { kind: "files", scene: "Scene", frame: 1 } }]);
    expect(plan.sceneFrames).toMatchObject([{ kind: "files" }]);
    expect(codes(plan)).toEqual(["whole-frames-engine"]);
    expect(plan.inOrder).toBe(false);
  });

  it("has one donor write such an engine's movie in order, and says so", () => {
    const movie = { output: { format: "FFMPEG", isMovie: true, overwrite: true, existing: [], useExtension: true, path: "/out/m" } };
    const plan = planJob(facts([scene(EEVEE)], movie), ANIMATION);
    expect(plan.inOrder).toBe(true);
    expect(codes(plan)).toEqual(["movie-one-donor"]);
    expect(planJob(facts([scene()], movie), ANIMATION)).toMatchObject({ inOrder: false, messages: [] });
  });

  it("renders a scene frame that several frames share once, each scene at its own size", () => {
    const other = scene({ name: "Other", width: 64, height: 32 });
    const frameInputs = [1, 2].map((frame) => ({
      frame,
      sceneFrames: [
        { scene: "Scene", frame },
        { scene: "Other", frame: 7 },
      ],
    }));
    const plan = planJob(facts([scene(), other], { frameInputs }), { ...ANIMATION, frames: [1, 2, 1] });
    expect(plan.chunks.map(({ id }) => id)).toEqual(["Scene:1:0-0-128-96", "Other:7:0-0-64-32", "Scene:2:0-0-128-96"]);
    expect(plan.outputs).toEqual([
      { frame: 1, sceneFrames: ["raw:1:Scene", "raw:7:Other"] },
      { frame: 2, sceneFrames: ["raw:2:Scene", "raw:7:Other"] },
    ]);
  });

  it("renders frames that mix engines as final files, the others as raw frames", () => {
    const frameInputs = [
      {
        frame: 1,
        sceneFrames: [
          { scene: "Scene", frame: 1 },
          { scene: "Draft", frame: 1 },
        ],
      },
    ];
    const plan = planJob(facts([scene(), scene({ name: "Draft", ...EEVEE })], { frameInputs }), { ...ANIMATION, frames: [1, 2] });
    expect(plan.outputs.map(({ sceneFrames }) => sceneFrames)).toEqual([["files:1"], ["raw:2:Scene"]]);
    expect(codes(plan)).toEqual(["whole-frames-mixed"]);
  });

  it("plans frames of which nothing is rendered", () => {
    const plan = planJob(facts([scene()], { frameInputs: [{ frame: 1, sceneFrames: [] }] }), STILL);
    expect(plan).toMatchObject({ chunks: [], outputs: [{ frame: 1, sceneFrames: [] }] });
  });

  it("refuses what cannot be planned", () => {
    expect(() => planJob(facts([scene()]), { ...STILL, frames: [] })).toThrow(expect.objectContaining({ code: "FRAMES_INVALID" }));
    expect(() => planJob(facts([scene()], { scene: "Gone" }), STILL)).toThrow(expect.objectContaining({ code: "SCENE_UNKNOWN" }));
    expect(() => planJob(facts([scene()]), { ...STILL, tiles: { kind: "grid", columns: 129, rows: 1 } })).toThrow(
      expect.objectContaining({ code: "TILES_INVALID" }),
    );
    const frames = Array.from({ length: 100_000 }, (_, index) => index);
    expect(() => planJob(facts([scene()]), { ...ANIMATION, frames, tiles: GRID })).toThrow(
      expect.objectContaining({ code: "TILES_INVALID" }),
    );
  });
});

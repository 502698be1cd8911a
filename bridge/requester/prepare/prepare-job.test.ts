import { denoiseRecipe } from "../../core/fixtures/denoise-recipe.ts";
import { resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { facts, scene } from "../../core/fixtures/scene-facts.ts";
import type { SceneFacts, SceneFile } from "../../core/job/scene-facts.ts";
import type { JobRecord } from "../../core/journal/records.ts";
import { FarmError } from "../../kernel/errors.ts";
import { type PreparePorts, prepareJob, reopenJob } from "./prepare-job.ts";
import type { RenderRequest } from "./prepared-job.ts";

const { signal } = new AbortController();
const deviceClass = { blenderVersion: "3.4.1", buildHash: "abc", backend: "CPU", arch: "avx2" } as const;
const CWD = resolve("/work");
const at = (...names: string[]) => resolve(CWD, ...names);
const request: RenderRequest = { scenePath: "s.blend", flags: {}, cwd: CWD, deliver: "files" };
const blend: SceneFile = { path: at("s.blend"), kind: "blend", missing: false };
const FILES: readonly SceneFile[] = [
  blend,
  { path: at("card.png"), kind: "image", missing: false },
  { path: at("lost.png"), kind: "image", missing: true },
];

let inspected: unknown[];
let packed: (readonly SceneFile[])[];
let tried: string[];
let journals: Map<string, JobRecord[]>;
let ports: PreparePorts;
let sceneFacts: SceneFacts;
let manifestHash: string;
beforeEach(() => {
  [inspected, packed, tried, journals] = [[], [], [], new Map()];
  [sceneFacts, manifestHash] = [facts([scene()]), "a".repeat(64)];
  ports = {
    blender: { version: "3.4.1", buildHash: "abc" },
    deviceClass,
    inspect: async (what) => {
      inspected.push(what);
      return { facts: sceneFacts, files: FILES };
    },
    pack: async (files) => {
      packed.push(files);
      return { manifestHash };
    },
    tryOutput: async (folder) => void tried.push(folder),
    tryOutputFile: async (file) => void tried.push(file),
    newId: () => "job-1",
    history: {
      append: async (job, records) => void journals.set(job, [...(journals.get(job) ?? []), ...records]),
      read: (job) => journals.get(job) ?? [],
    },
  };
});

const prepare = (changes: Partial<RenderRequest> = {}, power = { slots: 1 }) =>
  prepareJob(ports, { ...request, ...changes }, async () => power, signal);
const reopen = (id = "job-1") => reopenJob(ports, id, signal);
const framesOf = ({ plan }: Awaited<ReturnType<typeof prepare>>) => plan.outputs.map(({ frame }) => frame);

describe("preparing a job", () => {
  it("inspects the scene with the user's options, and the frames if they are known before", async () => {
    await prepare({ frames: "2..4", flags: { scene: "Scene" } });
    await prepare({ frames: "+1" });
    expect(inspected).toEqual([
      { scenePath: "s.blend", flags: { scene: "Scene" }, cwd: CWD, frames: [2, 3, 4] },
      { scenePath: "s.blend", flags: {}, cwd: CWD, frames: undefined },
    ]);
  });

  it("writes the job with absolute paths to the journal, so that it can be resumed", async () => {
    const prepared = await prepare({ frames: "2..4", verify: "full", video: "all.mp4", tiles: "2x2", environment: "studio" });
    expect(journals.get("job-1")).toEqual([prepared.created]);
    expect(prepared.created).toMatchObject({
      type: "job-created",
      scenePath: at("s.blend"),
      manifestHash,
      blender: { version: "3.4.1", buildHash: "abc" },
      settings: {
        frames: "2..4",
        verify: "full",
        video: at("all.mp4"),
        tiles: "2x2",
        environment: "studio",
        files: [at("s.blend"), at("card.png")],
        missingFiles: [at("lost.png")],
        cwd: CWD,
        deliver: "files",
      },
    });
  });

  it("writes the plan's grids to the journal: the way they are chosen may change before a resume", async () => {
    sceneFacts = facts([scene({ width: 2_048, height: 2_048, samples: 4_096 })]);
    const { created, plan } = await prepare({ frames: "1" }, { slots: 16 });
    expect(plan.grids).toHaveLength(1);
    expect(created.planInput.options.grids).toEqual(plan.grids);
  });

  it("returns everything that running the job needs", async () => {
    const prepared = await prepare({ video: "all.mp4", environment: "studio" });
    expect(prepared).toMatchObject({
      id: "job-1",
      facts: sceneFacts,
      deviceClass,
      missingFiles: [at("lost.png")],
      video: at("all.mp4"),
      environment: "studio",
      deliver: "files",
    });
    expect(prepared.journalState.state).toBe("running");
  });

  it("packs without missing files", async () => {
    await prepare();
    expect(packed.map((files) => files.map(({ path }) => path))).toEqual([[at("s.blend"), at("card.png")]]);
  });

  it("plans for the swarm's capacity and the tile option; one frame without -a is a still", async () => {
    sceneFacts = facts([scene({ width: 2_048, height: 2_048, samples: 4_096 })]);
    const alone = await prepare({ frames: "1" });
    const many = await prepare({ frames: "1" }, { slots: 16 });
    expect(many.plan.chunks.length).toBeGreaterThan(alone.plan.chunks.length);
    expect((await prepare({ frames: "1", tiles: "3x2" })).plan.chunks).toHaveLength(6);
    expect((await prepare({ frames: "1", tiles: "off" }, { slots: 16 })).plan.chunks).toHaveLength(1);
    sceneFacts = facts([scene({ denoised: true, denoise: denoiseRecipe({ way: "near" }) })]);
    expect((await prepare({ frames: "1", tiles: "3x2" })).plan.chunks).toHaveLength(6);
    expect((await prepare({ frames: "1", tiles: "3x2", exact: true })).plan.chunks).toHaveLength(1);
    const stillOf = ({ created }: typeof alone) => created.planInput.options.still;
    expect([stillOf(alone), stillOf(await prepare({ frames: "1,2" })), stillOf(await prepare({ frames: "1", animation: true }))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("measures the swarm's capacity only when there is something to render", async () => {
    sceneFacts = facts([scene()], { frameEnd: 0 });
    const power = () => Promise.reject(new Error("nobody should have asked"));
    await expect(prepareJob(ports, { ...request, animation: true }, power, signal)).rejects.toMatchObject({ code: "FRAMES_INVALID" });
  });
});

describe("the frames of a job", () => {
  const existing = (frames: number[]) => facts([scene()], { output: { ...facts([scene()]).output, overwrite: false, existing: frames } });

  it("exclude existing ones that must not be overwritten", async () => {
    sceneFacts = existing([2, 3]);
    expect(framesOf(await prepare({ animation: true }))).toEqual([1, 4, 5, 6]);
  });

  it("include all when the client finishes them", async () => {
    sceneFacts = existing([2, 3]);
    expect(framesOf(await prepare({ animation: true, deliver: "raw" }))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("must not be empty: then nothing is written to the journal", async () => {
    sceneFacts = existing([1, 2, 3, 4, 5, 6]);
    await expect(prepare({ animation: true })).rejects.toMatchObject({ code: "FRAMES_EXIST" });
    sceneFacts = facts([scene()], { frameStart: 5, frameEnd: 4 });
    await expect(prepare({ animation: true })).rejects.toMatchObject({
      code: "FRAMES_INVALID",
      message: "the scene's frame range is empty (5 to 4)",
    });
    expect([journals.size, packed.length, tried.length]).toEqual([0, 0, 0]);
  });
});

describe("output folders of a job", () => {
  it("are tested before planning and packing, also that of the video", async () => {
    const output = { ...sceneFacts.output, path: at("out", "f_####") };
    sceneFacts = { ...sceneFacts, output };
    await prepare({ video: "film/all.mp4" });
    expect(tried).toEqual([at("out"), at("film/all.mp4")]);
    ports = { ...ports, tryOutput: () => Promise.reject(new FarmError("OUTPUT_NOT_WRITABLE", "no")) };
    await expect(prepare()).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
    expect(packed).toHaveLength(1);
  });

  it("do not take the name of the video, nor does a file that the scene reads", async () => {
    const files = [{ kind: "main", before: at("out/f_"), digits: 4, after: ".mp4" }] as const;
    sceneFacts = { ...sceneFacts, output: { ...sceneFacts.output, path: at("out/f_####"), files } };
    for (const video of ["out/f_0003.mp4", "out", FILES[0]?.path])
      await expect(prepare({ animation: true, video })).rejects.toMatchObject({
        code: "OUTPUT_NOT_WRITABLE",
        advice: expect.stringContaining("--video"),
      });
    expect([journals.size, packed.length, tried.length]).toEqual([0, 0, 0]);
    await prepare({ animation: true, video: "out/f_0009.mp4" });
  });

  it("are not tested when frames are only assembled", async () => {
    await prepare({ deliver: "raw", video: "film/all.mp4" });
    expect(tried).toEqual([]);
  });
});

describe("a job for raw frames", () => {
  it("is refused for engines that return final files only, with their names", async () => {
    sceneFacts = facts([scene({ engine: "BLENDER_EEVEE" })]);
    await expect(prepare({ deliver: "raw" })).rejects.toMatchObject({
      code: "RAW_IMPOSSIBLE",
      message: "frame 1 of Scene is rendered by BLENDER_EEVEE, which gives finished pictures only",
    });
    expect((await prepare()).plan.chunks[0]?.spec.kind).toBe("files");
  });

  it("is refused for a frame without a render", async () => {
    sceneFacts = facts([scene()], {
      frameInputs: [
        { frame: 1, sceneFrames: [{ scene: "Scene", frame: 1 }] },
        { frame: 2, sceneFrames: [] },
      ],
    });
    await expect(prepare({ frames: "1,2", deliver: "raw" })).rejects.toMatchObject({
      code: "RAW_IMPOSSIBLE",
      message: "frame 2 of Scene shows nothing that a render engine makes",
    });
  });

  it("is restored from its journal", async () => {
    expect((await prepare({ deliver: "raw" })).created.settings.deliver).toBe("raw");
  });
});

describe("a resumed job", () => {
  it("has the same plan, and records the resume", async () => {
    const before = await prepare({ animation: true, tiles: "2x2", video: "all.mp4" }, { slots: 8 });
    sceneFacts = facts([scene({ width: 999 })]); // what is in the file now does not count: it is not looked at
    const { journalState: _, ...again } = await reopen();
    expect(again).toEqual((({ journalState: __, ...rest }) => rest)(before));
    expect(journals.get("job-1")?.map(({ type }) => type)).toEqual(["job-created", "resumed"]);
    expect(inspected).toHaveLength(1);
  });

  it("restores from its journal what was done", async () => {
    const { plan } = await prepare();
    const chunk = plan.chunks[0]?.id as string;
    await ports.history.append("job-1", [
      { type: "chunk-accepted", chunk, sha256: "b".repeat(64), files: [], donor: "d", checked: true },
      { type: "paused" },
    ]);
    const { journalState } = await reopen();
    expect([...journalState.accepted.keys()]).toEqual([chunk]);
    expect(journalState.state).toBe("running");
  });

  it("packs the files of its first run, the scene file as a blend file", async () => {
    await prepare();
    await reopen();
    expect(packed[1]).toEqual([
      { path: at("s.blend"), kind: "blend", missing: false },
      { path: at("card.png"), kind: "other", missing: false },
    ]);
  });

  it("tests its output folders", async () => {
    await prepare({ video: "film/all.mp4" });
    tried.length = 0;
    await reopen();
    expect(tried).toEqual(["/out", at("film/all.mp4")].map((path) => resolve(path)));
  });

  it.each<[string, () => void, string]>([
    ["that nobody knows", () => journals.clear(), "JOB_UNKNOWN"],
    ["of another Blender", () => (ports = { ...ports, blender: { version: "4.5.0", buildHash: "abc" } }), "NO_MATCHING_BLENDER"],
    ["of another build of its Blender", () => (ports = { ...ports, blender: { version: "3.4.1", buildHash: "d" } }), "NO_MATCHING_BLENDER"],
    ["whose files are other ones now", () => (manifestHash = "c".repeat(64)), "SCENE_CHANGED"],
    [
      "whose folder is gone",
      () => (ports = { ...ports, tryOutput: () => Promise.reject(new FarmError("OUTPUT_NOT_WRITABLE", "")) }),
      "OUTPUT_NOT_WRITABLE",
    ],
  ])("%s cannot be resumed, and its journal is unchanged", async (_which, change, code) => {
    await prepare();
    change();
    await expect(reopen()).rejects.toMatchObject({ code });
    expect(journals.get("job-1")?.length ?? 0).toBe(code === "JOB_UNKNOWN" ? 0 : 1);
  });

  it("names the required Blender", async () => {
    await prepare();
    ports = { ...ports, blender: { version: "4.5.0", buildHash: "x" } };
    await expect(reopen()).rejects.toMatchObject({ message: "job job-1 was begun with Blender 3.4.1, here is 4.5.0" });
  });
});

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

describe("a job that is prepared", () => {
  it("is inspected with what the user asked for, as far as its frames are known before", async () => {
    await prepare({ frames: "2..4", flags: { scene: "Scene" } });
    await prepare({ frames: "+1" });
    expect(inspected).toEqual([
      { scenePath: "s.blend", flags: { scene: "Scene" }, cwd: CWD, frames: [2, 3, 4] },
      { scenePath: "s.blend", flags: {}, cwd: CWD, frames: undefined },
    ]);
  });

  it("stands in the journal as what it was, paths absolute, so that it can be taken up again", async () => {
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

  it("has the grids of its plan in the journal: how they are chosen may change until it is taken up again", async () => {
    sceneFacts = facts([scene({ width: 2_048, height: 2_048, samples: 4_096 })]);
    const { created, plan } = await prepare({ frames: "1" }, { slots: 16 });
    expect(plan.grids).toHaveLength(1);
    expect(created.planInput.options.grids).toEqual(plan.grids);
  });

  it("is told with all that works on it need", async () => {
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

  it("is packed without files that nobody has", async () => {
    await prepare();
    expect(packed.map((files) => files.map(({ path }) => path))).toEqual([[at("s.blend"), at("card.png")]]);
  });

  it("is cut for the power that there is and as its tiles say; a still where it is one frame and no animation", async () => {
    sceneFacts = facts([scene({ width: 2_048, height: 2_048, samples: 4_096 })]);
    const alone = await prepare({ frames: "1" });
    const many = await prepare({ frames: "1" }, { slots: 16 });
    expect(many.plan.chunks.length).toBeGreaterThan(alone.plan.chunks.length);
    expect((await prepare({ frames: "1", tiles: "3x2" })).plan.chunks).toHaveLength(6);
    expect((await prepare({ frames: "1", tiles: "off" }, { slots: 16 })).plan.chunks).toHaveLength(1);
    const stillOf = ({ created }: typeof alone) => created.planInput.options.still;
    expect([stillOf(alone), stillOf(await prepare({ frames: "1,2" })), stillOf(await prepare({ frames: "1", animation: true }))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("asks for the power only when it knows that there is something to render", async () => {
    sceneFacts = facts([scene()], { frameEnd: 0 });
    const power = () => Promise.reject(new Error("nobody should have asked"));
    await expect(prepareJob(ports, { ...request, animation: true }, power, signal)).rejects.toMatchObject({ code: "FRAMES_INVALID" });
  });
});

describe("the frames of a job", () => {
  const existing = (frames: number[]) => facts([scene()], { output: { ...facts([scene()]).output, overwrite: false, existing: frames } });

  it("are without those that are there and must not be overwritten", async () => {
    sceneFacts = existing([2, 3]);
    expect(framesOf(await prepare({ animation: true }))).toEqual([1, 4, 5, 6]);
  });

  it("are all of them where somebody else finishes them: he knows what is there", async () => {
    sceneFacts = existing([2, 3]);
    expect(framesOf(await prepare({ animation: true, deliver: "raw" }))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("are not none: nothing is written down then", async () => {
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

describe("folders of a job", () => {
  it("are tried before anything is planned or packed: that of the pictures and that of the video", async () => {
    const output = { ...sceneFacts.output, path: at("out", "f_####") };
    sceneFacts = { ...sceneFacts, output };
    await prepare({ video: "film/all.mp4" });
    expect(tried).toEqual([at("out"), at("film")]);
    ports = { ...ports, tryOutput: () => Promise.reject(new FarmError("OUTPUT_NOT_WRITABLE", "no")) };
    await expect(prepare()).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
    expect(packed).toHaveLength(1);
  });

  it("are none where frames are only assembled", async () => {
    await prepare({ deliver: "raw", video: "film/all.mp4" });
    expect(tried).toEqual([]);
  });
});

describe("a job for raw frames", () => {
  it("is refused for engines that give finished pictures only, by their name", async () => {
    sceneFacts = facts([scene({ engine: "BLENDER_EEVEE" })]);
    await expect(prepare({ deliver: "raw" })).rejects.toMatchObject({
      code: "RAW_IMPOSSIBLE",
      message: "frame 1 of Scene is rendered by BLENDER_EEVEE, which gives finished pictures only",
    });
    expect((await prepare()).plan.chunks[0]?.spec.kind).toBe("files");
  });

  it("is refused for a frame that no render engine is asked for", async () => {
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

  it("is what it says in its journal", async () => {
    expect((await prepare({ deliver: "raw" })).created.settings.deliver).toBe("raw");
  });
});

describe("a job that is taken up again", () => {
  it("has the plan that it had, and writes down that it goes on", async () => {
    const before = await prepare({ animation: true, tiles: "2x2", video: "all.mp4" }, { slots: 8 });
    sceneFacts = facts([scene({ width: 999 })]); // what is in the file now does not count: it is not looked at
    const { journalState: _, ...again } = await reopen();
    expect(again).toEqual((({ journalState: __, ...rest }) => rest)(before));
    expect(journals.get("job-1")?.map(({ type }) => type)).toEqual(["job-created", "resumed"]);
    expect(inspected).toHaveLength(1);
  });

  it("knows what its journal says was done", async () => {
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

  it("packs the files that it was begun with, the scene as what it is", async () => {
    await prepare();
    await reopen();
    expect(packed[1]).toEqual([
      { path: at("s.blend"), kind: "blend", missing: false },
      { path: at("card.png"), kind: "other", missing: false },
    ]);
  });

  it("has its folders tried", async () => {
    await prepare({ video: "film/all.mp4" });
    tried.length = 0;
    await reopen();
    expect(tried).toEqual(["/out", at("film")].map((path) => resolve(path)));
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
  ])("%s is not, and its journal stays as it was", async (_which, change, code) => {
    await prepare();
    change();
    await expect(reopen()).rejects.toMatchObject({ code });
    expect(journals.get("job-1")?.length ?? 0).toBe(code === "JOB_UNKNOWN" ? 0 : 1);
  });

  it("names the Blender that it needs", async () => {
    await prepare();
    ports = { ...ports, blender: { version: "4.5.0", buildHash: "x" } };
    await expect(reopen()).rejects.toMatchObject({ message: "job job-1 was begun with Blender 3.4.1, here is 4.5.0" });
  });
});

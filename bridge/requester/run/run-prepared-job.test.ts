import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { facts, scene } from "../../core/fixtures/scene-facts.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { SceneFacts } from "../../core/job/scene-facts.ts";
import type { JobRecord } from "../../core/journal/records.ts";
import { FarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { FakeFinisher } from "../../test/fakes/fake-finisher.ts";
import { FakeSlots } from "../../test/fakes/fake-slots.ts";
import type { JobPorts } from "../job-ports.ts";
import type { JobMedia } from "../ports.ts";
import { type PreparePorts, prepareJob, reopenJob } from "../prepare/prepare-job.ts";
import type { PreparedJob, RenderRequest } from "../prepare/prepared-job.ts";
import { runPreparedJob } from "./run-prepared-job.ts";

/** A machine with two render slots whose Blenders write texts; disk and journal are real. */
let root: string;
let events: JobEvent[];
let journal: JobRecord[];
let slots: FakeSlots;
let ports: JobPorts;
let stop: AbortController;
let preparing: PreparePorts;
let sceneFacts: SceneFacts;
const at = (...names: string[]) => join(root, ...names);
const deviceClass = { blenderVersion: "3.4.1", buildHash: "b", backend: "CPU", arch: "avx2" } as const;

const media: JobMedia = {
  check: async () => ({ channels: ["R"], attributes: {}, nonFinite: 0 }),
  createAssembled: async ({ path }) => writeFile(path, ""),
  paste: async ({ resultPath, target }) => writeFile(target.path, await readFile(resultPath), { flag: "a" }),
  deriveAssembled: () => Promise.reject(new Error("these tiles are the picture")),
  compare: () => Promise.reject(new Error("this machine's results are not checked")),
  samePicture: () => Promise.reject(new Error("this machine's results are not checked")),
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-run-job-"));
  [events, journal, stop] = [[], [], new AbortController()];
  for (const folder of ["jobs", "out", "scratch/1", "scratch/2"]) await systemWorld.disk.mkdir(at(folder), { recursive: true });
  await writeFile(at("s.blend"), "scene");
  sceneFacts = facts([scene()], { output: { ...facts([scene()]).output, path: at("out", "f_") } });
  slots = new FakeSlots(systemWorld.disk, { slots: 2, folder: at("scratch") });
  const assembledPath: ReturnType<JobPorts["delivery"]["assembledPath"]> = (each) => at("jobs", "job-1", "assembled", `${each.frame}.exr`);
  ports = {
    rendering: { slots, checkSlots: slots, recruit: undefined, bytesSent: () => 0 },
    results: {
      media,
      hashFile: async (path) => {
        const content = await readFile(path);
        return { sha256: sha256(content), bytes: content.length };
      },
      preview: { add: async () => "preview.png", close: async () => {} },
    },
    delivery: {
      assembledPath: () => assembledPath,
      openFinisher: async () => {
        const finisher = new FakeFinisher(
          { disk: systemWorld.disk, assembledPath },
          { outputFolder: at("out"), sceneFramesOf: (frame) => [{ scene: "Scene", frame }] },
        );
        return Object.assign(finisher, { [Symbol.asyncDispose]: async () => {} });
      },
      openDenoiser: () => ({
        prepare: () => {},
        denoise: () => Promise.reject(new Error("nothing is noisy")),
        [Symbol.asyncDispose]: async () => {},
      }),
      encodeVideo: async (frames, _fps, out) => {
        await writeFile(out, frames.map((path) => basename(path)).join());
        return { path: out, bytes: frames.map((path) => basename(path)).join().length };
      },
    },
    journal: { append: async (_job, records) => void journal.push(...records) },
    client: { observe: (event) => void events.push(event), takeCommand: () => undefined },
    process: { world: systemWorld, log: silentLog },
  };
  preparing = {
    blender: { version: "3.4.1", buildHash: "b" },
    deviceClass,
    inspect: async () => ({ facts: sceneFacts, files: [{ path: at("s.blend"), kind: "blend", missing: false }] }),
    pack: async () => ({ manifestHash: "m" }),
    tryOutput: async () => {},
    tryOutputFile: async () => {},
    newId: () => "job-1",
    history: { append: async (_job, records) => void journal.push(...records), read: () => journal },
  };
});
afterEach(async () => {
  await slots[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const request = (changes: Partial<RenderRequest> = {}): RenderRequest => ({
  scenePath: at("s.blend"),
  flags: {},
  cwd: root,
  deliver: "files",
  frames: "1..3",
  ...changes,
});
const prepare = (changes: Partial<RenderRequest> = {}) => prepareJob(preparing, request(changes), async () => ({ slots: 2 }), stop.signal);
const work = (prepared: PreparedJob, local = 2) =>
  runPreparedJob(ports, prepared, { jobsFolder: at("jobs"), name: "here", compute: { local, peers: [] } }, stop.signal);
const last = () => events.at(-1) as Extract<JobEvent, { event: "job-ended" }>;
const written = (name: string) => readFile(at("out", name), "utf8");
const kinds = () => journal.map(({ type }) => type);

describe("a job of this machine alone", () => {
  it("renders, assembles and finishes each frame, and leaves no temporary files", async () => {
    expect(await work(await prepare())).toBe("complete");
    for (const frame of [1, 2, 3]) expect(await written(`f_${frame}.png`)).toContain(`scene Scene ${frame}`);
    expect(events[0]).toMatchObject({ event: "job-created", frames: 3, chunks: 3, chunksDone: 0 });
    expect(last()).toMatchObject({
      outcome: "complete",
      missingFrames: 0,
      error: null,
      stats: { framesDone: 3, chunksByDonor: { local: 3 } },
    });
    expect(kinds().at(-1)).toBe("job-ended");
    await expect(readFile(at("jobs", "job-1"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("encodes the requested video of all frames in order", async () => {
    expect(await work(await prepare({ video: "film.mp4" }))).toBe("complete");
    expect(await readFile(at("film.mp4"), "utf8")).toBe("f_1.png,f_2.png,f_3.png");
    expect(last().outputs).toContain(at("film.mp4"));
  });

  it("delivers raw frames, which stay until they are picked up", async () => {
    expect(await work(await prepare({ deliver: "raw" }))).toBe("complete");
    expect(await readFile(at("jobs", "job-1", "assembled", "2.exr"), "utf8")).toContain("scene Scene 2");
    expect(events.filter(({ event }) => event === "frame-raw")).toHaveLength(3);
  });
});

describe("a job of another kind", () => {
  it("makes one movie of all frames, for a scene that asks for one with -a", async () => {
    const { output } = sceneFacts;
    sceneFacts = { ...sceneFacts, output: { ...output, format: "FFMPEG", isMovie: true } };
    expect(await work(await prepare({ frames: undefined, animation: true }))).toBe("complete");
    expect((await written("movie.mp4")).split("|")).toHaveLength(6);
  });

  it("is finished here although no render engine is needed", async () => {
    sceneFacts = { ...sceneFacts, frameInputs: [{ frame: 1, sceneFrames: [] }] };
    const prepared = await prepare({ frames: "1" });
    expect(prepared.plan.chunks).toEqual([]);
    await systemWorld.disk.mkdir(at("jobs", "job-1", "assembled"), { recursive: true });
    await writeFile(at("jobs", "job-1", "assembled", "1.exr"), "what the sequencer shows");
    expect(await work(prepared)).toBe("complete");
    expect(last()).toMatchObject({ missingFrames: 0, stats: { chunksTotal: 0, framesDone: 1 } });
  });

  it("sends the messages of inspection and plan as events", async () => {
    sceneFacts = { ...sceneFacts, warnings: [{ code: "MISSING_FILE", message: "card.png is not there" }] };
    await work(await prepare());
    expect(events).toContainEqual({ event: "note", code: "MISSING_FILE", message: "card.png is not there" });
  });

  it("publishes its tiles while raw frames are assembled", async () => {
    sceneFacts = { ...sceneFacts, scenes: [scene({ adaptive: true })] };
    expect(await work(await prepare({ deliver: "raw", frames: "1", tiles: "2x1" }))).toBe("complete");
    expect(events.filter(({ event }) => event === "tile")).toHaveLength(2);
    expect(events[0]).toMatchObject({ event: "job-created", tiles: "2x1" });
  });
});

describe("a job that is stopped", () => {
  it("ends as cancelled, with the missing files, and continues when it is resumed", async () => {
    const held = new FakeSlots(systemWorld.disk, { slots: 1, folder: at("scratch"), isHeld: true });
    const running = slots;
    ports = { ...ports, rendering: { ...ports.rendering, slots: held, checkSlots: held } };
    const working = work(await prepare(), 1);
    while (held.begun === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    held.finish();
    while (!events.some(({ event }) => event === "frame-finished")) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    expect(await working).toBe("cancelled");
    expect(last()).toMatchObject({ outcome: "cancelled", missingFrames: 2 });
    await held[Symbol.asyncDispose]();

    const renderedBefore = journal.filter(({ type }) => type === "frame-finished").length;
    expect(renderedBefore).toBe(1);
    stop = new AbortController();
    ports = { ...ports, rendering: { ...ports.rendering, slots: running, checkSlots: running } };
    events.length = 0;
    expect(await work(await reopenJob(preparing, "job-1", stop.signal))).toBe("complete");
    expect(events.filter(({ event }) => event === "frame-finished")).toHaveLength(2);
    expect(last().outputs).toHaveLength(3);
  });

  it("by a command of another process ends in the same way", async () => {
    ports = { ...ports, client: { ...ports.client, takeCommand: () => "cancel" } };
    expect(await work(await prepare(), 0)).toBe("cancelled");
    expect(last().outcome).toBe("cancelled");
  });
});

describe("a job that fails", () => {
  it("fails with the code of its error, which its end event holds", async () => {
    const broken = new FarmError("OUTPUT_NOT_WRITABLE", "no such folder");
    ports = { ...ports, delivery: { ...ports.delivery, openFinisher: () => Promise.reject(broken) } };
    await expect(work(await prepare())).rejects.toBe(broken);
    expect(last()).toMatchObject({ outcome: "failed", error: { code: "OUTPUT_NOT_WRITABLE" } });
  });

  it("is incomplete when a file that it wrote is missing, and names it", async () => {
    const { observe } = ports.client;
    const spoil = (event: JobEvent) => {
      observe(event);
      if (event.event === "video-progress") void rm(at("out", "f_2.png"));
    };
    ports = { ...ports, client: { ...ports.client, observe: spoil } };
    expect(await work(await prepare({ video: "film.mp4" }))).toBe("incomplete");
    expect(last().missing).toMatchObject([{ frame: 2, code: "FILE_LOST" }]);
  });

  it("fails when the video cannot be encoded, and keeps the frames", async () => {
    const broken = new FarmError("DISK_FULL", "no space");
    ports = { ...ports, delivery: { ...ports.delivery, encodeVideo: () => Promise.reject(broken) } };
    await expect(work(await prepare({ video: "film.mp4" }))).rejects.toBe(broken);
    expect(last()).toMatchObject({ outcome: "failed", missingFrames: 0, stats: { framesDone: 3 } });
  });

  it("reports that its end could not be recorded, when that is the only error", async () => {
    const append: JobPorts["journal"]["append"] = async (_job, records) => {
      if (records.some(({ type }) => type === "job-ended")) throw new Error("no space");
      journal.push(...records);
    };
    ports = { ...ports, journal: { append } };
    await expect(work(await prepare())).rejects.toMatchObject({ code: "DISK_FULL" });
  });
});

describe("a recruiter of donors", () => {
  it("runs while the job runs, and is stopped at its end", async () => {
    const recruited: string[] = [];
    const recruit: JobPorts["rendering"]["recruit"] = async (prepared, _run, signal) => {
      recruited.push(prepared.id);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      recruited.push("over");
    };
    ports = { ...ports, rendering: { ...ports.rendering, recruit } };
    expect(await work(await prepare())).toBe("complete");
    expect(recruited).toEqual(["job-1", "over"]);
  });

  it("may fail: this machine continues to render", async () => {
    const recruit = () => Promise.reject(new Error("no network"));
    ports = { ...ports, rendering: { ...ports.rendering, recruit } };
    expect(await work(await prepare())).toBe("complete");
  });
});

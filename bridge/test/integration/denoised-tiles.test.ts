import { execFile } from "node:child_process";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Denoiser } from "../../blender/finish/denoiser.ts";
import { inspectScene } from "../../blender/inspect/inspect-scene.ts";
import { openSession } from "../../blender/render/session.ts";
import type { BlenderBuild, BlenderSession } from "../../blender/types.ts";
import { planJob } from "../../core/plan/plan.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { type Media, openMedia } from "../../media/worker/media-pool.ts";
import { JobFolder } from "../../requester/job-folder.ts";
import { PictureCompletion } from "../../requester/delivery/picture-completion.ts";
import { SceneFrameAssembly } from "../../requester/delivery/scene-frame-assembly.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { OFFICIAL_VERSIONS, officialBlender } from "../official-blenders.ts";
import { timeLimitSignal } from "../time/time-limit.ts";

/** Each equal to one plain Blender's picture in every bit of every channel, by version. */
const KINDS = [
  "adaptive",
  "adaptive_odd",
  "power_of_two",
  "sums",
  "sums_exposed",
  "sums_without_light_tree",
  "other_settings",
  "transparent",
  "catcher",
  "catcher_transparent_pass",
  "layers",
  "stereo",
  "border",
  "internal_tiles",
  "volume",
  "volume_fixed",
  "passes",
  "sums_with_exposed_passes",
  "count_pass_alone",
] as const;

const run = promisify(execFile);
const signal = timeLimitSignal(600_000);
const wanted = (process.env["DENOISED_KINDS"] ?? "").split(",").filter(Boolean);
const kinds = KINDS.filter((kind) => wanted.length === 0 || wanted.includes(kind));

describe.each(OFFICIAL_VERSIONS)("denoised tiles of Blender %s", (version) => {
  let root: string;
  let blender: BlenderBuild;
  let session: BlenderSession;
  let denoiser: Denoiser;
  let media: Media;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "denoised-"));
    blender = officialBlender(version);
    for (const folder of ["session", "denoise", "inspect"]) await mkdir(join(root, folder));
    const script = fileURLToPath(new URL("../fixtures/denoised_kinds.py", import.meta.url));
    await run(blender.path, ["-b", "--factory-startup", "-P", script, "--", root]);
    const start = startPlainProcess;
    session = await openSession({ start }, { blender, scratch: join(root, "session"), threads: 2, untrusted: false }, signal);
    denoiser = new Denoiser({ start, log: silentLog }, { blender, scratch: async () => join(root, "denoise") }, signal);
    media = openMedia();
  });
  afterAll(async () => {
    await session.close();
    await denoiser[Symbol.asyncDispose]();
    await media.close();
    await rm(root, { recursive: true, force: true });
  });

  /** The scene in 3x2 tiles, assembled and denoised; and as plain `blender -b` renders it. */
  async function bothWays(kind: string) {
    const scenePath = join(root, `${kind}.blend`);
    const reference = join(root, `${kind}_0001.exr`);
    const plain = run(blender.path, ["--factory-startup", "-b", scenePath, "-o", join(root, `${kind}_####`), "-f", "1"]);
    const { facts } = await inspectScene(
      { start: startPlainProcess },
      { blender, scenePath, flags: {}, frames: [1], scratch: join(root, "inspect") },
      signal,
    );
    const plan = planJob(facts, { frames: [1], still: true, tiles: { kind: "grid", columns: 3, rows: 2 }, slots: 1 });
    expect(plan.chunks.length).toBe(6);
    const folder = new JobFolder(systemWorld, root, kind);
    await folder.create();
    await session.load(scenePath, { remap: {} }, signal);
    const [planned] = plan.sceneFrames;
    if (!planned) throw new Error("nothing was planned");
    let summary: Awaited<ReturnType<Media["check"]>> | undefined;
    const completion = new PictureCompletion({ media, files: folder, denoiser, factsOf: () => facts.scenes[0] });
    const picture = join(root, `${kind}.exr`);
    const frame = new SceneFrameAssembly(
      { media, files: folder, assembledPath: () => picture, completion, summaryOf: async () => summary },
      planned,
    );
    for (const chunk of plan.chunks) {
      const { raw = "", lastSamples = [] } = await session.render(chunk.spec, signal);
      if (chunk.spec.kind !== "raw") throw new Error("tiles are raw");
      const { width, height } = chunk.spec.rect;
      summary ??= await media.check(raw, { width, height, maxBytes: 1e9 }, signal);
      await systemWorld.disk.rename(raw, folder.resultPath(chunk.id, "d", "0"));
      const file = { role: "raw", name: "f.exr", sha256: "0", bytes: 1, lastSamples } as const;
      await frame.add(chunk, { donor: "d", files: [file] }, signal);
    }
    await frame.complete(() => {}, signal);
    await plain;
    const rect = { x: 0, y: 0, width: planned.region.width, height: planned.region.height };
    const difference = await media.compare({ result: { path: picture, rect }, reference: { path: reference, rect }, rect }, signal);
    return { difference, plan };
  }

  it.each(kinds)("equal the whole frame: %s", async (kind) => {
    const { difference, plan } = await bothWays(kind);
    expect({ kind, ...difference }).toMatchObject({ kind, differingPixels: 0 });
    expect(plan.messages).toEqual([]);
  });

  it("that can only be nearly equal differ in the last digits, and say so", async () => {
    const { difference, plan } = await bothWays("near");
    expect(plan.messages).toMatchObject([{ code: "tiles-nearly-equal" }]);
    expect(difference.maxDifference).toBeLessThan(2e-5);
  });
});

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { patience, TEST_BUILD } from "../../blender/fixtures/session-kit.ts";
import { DeviceBenchmarkSession } from "../../blender/render/benchmark.ts";
import { openSession } from "../../blender/render/session.ts";
import type { StartProcess } from "../../blender/types.ts";
import { hashFile } from "../../content/blocks/disk.ts";
import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { RenderSlots } from "../../donor/render-slots.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { openMedia } from "../../media/worker/media-pool.ts";
import { Checker } from "../../requester/verify/checker.ts";
import { JobFolder } from "../../requester/job-folder.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";

/** As on a CPU without AVX2: other instructions, other rounding. If Blender has no such switch, as on this CPU. */
const startOldKernel: StartProcess = (request) =>
  startPlainProcess({ ...request, env: { ...request.env, CYCLES_CPU_NO_AVX: "1", CYCLES_CPU_NO_AVX2: "1" } });

const chunk: Chunk = {
  id: "c",
  cost: 1,
  spec: {
    kind: "raw",
    scene: "Benchmark",
    frame: 1,
    width: 256,
    height: 256,
    rect: { x: 64, y: 40, width: 128, height: 96 },
    denoise: "none",
  },
};

let root: string;
let folder: JobFolder;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cross-class-"));
  folder = new JobFolder(systemWorld, root, "job");
  await folder.create();
  await using probe = await DeviceBenchmarkSession.open({ start: startPlainProcess }, { blender: TEST_BUILD, scratch: root }, patience());
  for (const samples of [32, 24, 8]) await probe.saveBenchmarkScene(sceneOf(samples), samples, patience());
});
afterAll(() => rm(root, { recursive: true, force: true }));

const DONOR = "donor";
const sceneOf = (samples: number) => join(root, `known-${samples}.blend`);

/** The result of a donor that renders the scene with so many samples. */
async function delivered(samples: number, start: StartProcess = startPlainProcess): Promise<readonly ResultFile[]> {
  const scratch = await mkdtemp(join(root, "donor-"));
  await using session = await openSession({ start }, { blender: TEST_BUILD, scratch, untrusted: false }, patience());
  await session.load(sceneOf(samples), { remap: {} }, patience());
  const { raw = "" } = await session.render(chunk.spec, patience());
  const sha256 = await hashFile(raw, patience());
  await copyFile(raw, folder.resultPath(chunk.id, DONOR, sha256));
  return [{ role: "raw", name: "floats.exr", sha256, bytes: 1 }];
}

/** The verdict of a requester that rendered the scene with 32 samples and treats the donor as another class. */
async function verdictOn(files: readonly ResultFile[]): Promise<string> {
  await using slots = new RenderSlots(
    {
      openSession: async (_slot, _scene, signal) =>
        await openSession(
          { start: startPlainProcess },
          { blender: TEST_BUILD, scratch: await mkdtemp(join(root, "check-")), untrusted: false },
          signal,
        ),
    },
    { slots: 1 },
  );
  await using media = openMedia();
  const scene = { key: "known", path: sceneOf(32), remap: {} };
  const checker = new Checker(
    { world: systemWorld, slots, media, folder, observe: () => {}, log: silentLog },
    { scene, secret: new Uint8Array(32).fill(7), overscanOf: () => 0 },
  );
  return await checker.check(chunk, { donor: DONOR, files }, false, patience());
}

describe("a result of another device class", () => {
  it("is equal when the bits are equal", async () => expect(await verdictOn(await delivered(32))).toBe("equal"));
  it("is accepted when it differs by rounding", async () => expect(await verdictOn(await delivered(32, startOldKernel))).toBe("equal"));
  // Up to 3.4 they are three quarters of the same samples; later versions use other samples when there are fewer.
  it("is not equal with three quarters of the samples", async () => expect(await verdictOn(await delivered(24))).not.toBe("equal"));
  it("is a mismatch with a quarter of them", async () => expect(await verdictOn(await delivered(8))).toBe("different"));
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemDisk } from "../bridge/kernel/disk.ts";
import { findLocalBlenders } from "../bridge/app/job/blender-slots.ts";
import { DeviceBenchmarkSession } from "../bridge/blender/render/benchmark.ts";
import { openSession } from "../bridge/blender/render/session.ts";
import type { BlenderBuild } from "../bridge/blender/types.ts";
import { openHome } from "../bridge/config/home.ts";
import { BACKEND_NAMES, type GpuSelection, unusableGpusMessage, gpuUsesOf } from "../bridge/core/gpu/cycles-devices.ts";
import type { Gpu } from "../bridge/core/gpu/gpu.ts";
import type { Rect } from "../bridge/core/job/scene-facts.ts";
import { type CropDifference, NOISE_RATIO_LIMITS, crossClassVerdict } from "../bridge/core/verify/verdict.ts";
import { messageOf } from "../bridge/kernel/errors.ts";
import { listGpus } from "../bridge/machine/gpus.ts";
import { compareFloats } from "../bridge/media/compare.ts";
import { startPlainProcess } from "../bridge/sandbox/process/process-sandbox.ts";

/**
 * Tests this machine's GPUs: each backend on each GPU is measured on the benchmark scene, and its picture
 * compared with the CPU's as a requester would. `npm run bench -- gpu [path of a Blender]`; without a GPU it says
 * so, and measures only the CPU.
 */

const SIDE = 256;
const SAMPLES = 64;
const CROP = 32;
const frame: Rect = { x: 0, y: 0, width: SIDE, height: SIDE };
const deps = { start: startPlainProcess };
const { signal } = new AbortController();

interface Row {
  readonly device: string;
  readonly backend: string;
  readonly speed?: number;
  readonly crops?: readonly { readonly rect: Rect; readonly difference: CropDifference }[];
  readonly failed?: string;
}

const root = await mkdtemp(join(tmpdir(), "p2p-bench-gpu-"));
try {
  const [found] = await findLocalBlenders(await openHome(systemDisk, join(root, "home")), process.argv[2], signal);
  if (!found) throw new Error("no Blender was found");
  const gpus = await listGpus();
  console.log(`Blender ${found.build.version} (${found.build.buildHash}), ${found.build.path}`);
  console.log(gpus.length === 0 ? "This machine shows no GPU: here is its processor alone.\n" : `${gpus.map(described).join("\n")}\n`);
  print(await measureAll(found.build, gpus));
} finally {
  await rm(root, { recursive: true, force: true });
}

async function measureAll(blender: BlenderBuild, gpus: readonly Gpu[]): Promise<readonly Row[]> {
  const scene = join(root, "known.blend");
  const devices = await probing(blender, async (probe) => {
    await probe.saveBenchmarkScene(scene, SAMPLES, signal);
    return await probe.devices(signal);
  });
  const reference = await render(blender, scene);
  const halves = [await render(blender, scene, { half: "first" }), await render(blender, scene, { half: "second" })] as const;
  const judged = (path: string) => cropsOf().map((rect) => ({ rect, difference: compared({ path, reference, halves, rect }) }));
  const rowOf = async (device: string, use?: GpuSelection): Promise<Row> => {
    const backend = BACKEND_NAMES[use?.backend ?? "CPU"];
    try {
      const speed = await probing(blender, async (probe) => {
        if (use) await probe.use(use, signal);
        return await probe.measure(signal);
      });
      return { device, backend, speed, crops: judged(await render(blender, scene, use && { use })) };
    } catch (error) {
      return { device, backend, failed: messageOf(error) };
    }
  };
  const rows = [await rowOf("this processor, all threads")];
  for (const gpu of gpus) {
    const uses = gpuUsesOf([gpu], devices);
    if (uses.length === 0) rows.push({ device: gpu.name, backend: "-", failed: unusableGpusMessage([gpu], devices) });
    for (const use of uses) rows.push(await rowOf(`${gpu.index}: ${gpu.name}`, use));
  }
  return rows;
}

async function probing<T>(blender: BlenderBuild, ask: (probe: DeviceBenchmarkSession) => Promise<T>): Promise<T> {
  await using probe = await DeviceBenchmarkSession.open(deps, { blender, scratch: root }, signal);
  return await ask(probe);
}

/** The benchmark scene's raw frame, from a session as on a donor. */
async function render(
  blender: BlenderBuild,
  scene: string,
  how: { readonly use?: GpuSelection; readonly half?: "first" | "second" } = {},
): Promise<string> {
  const scratch = await mkdtemp(join(root, "session-"));
  await using session = await openSession(deps, { blender, scratch, untrusted: false, ...(how.use && { gpu: how.use }) }, signal);
  if (session.fellBack !== undefined) throw new Error(session.fellBack);
  await session.load(scene, { remap: {} }, signal);
  const spec = { kind: "raw", scene: "Benchmark", frame: 1, width: SIDE, height: SIDE, rect: frame, denoise: "none" } as const;
  const { raw = "" } = await session.render({ ...spec, ...(how.half && { half: how.half }) }, signal);
  return raw;
}

function compared(of: {
  readonly path: string;
  readonly reference: string;
  readonly halves: readonly [string, string];
  readonly rect: Rect;
}) {
  const placed = (path: string) => ({ path, rect: frame });
  const [first, second] = of.halves;
  return compareFloats({
    result: placed(of.path),
    reference: placed(of.reference),
    rect: of.rect,
    halves: [placed(first), placed(second)],
  });
}

/** The whole picture in crops of the size used by checks. */
function cropsOf(): readonly Rect[] {
  const places = Array.from({ length: SIDE / CROP }, (_, place) => place * CROP);
  return places.flatMap((y) => places.map((x) => ({ x, y, width: CROP, height: CROP })));
}

function described({ index, name, arch, driver, memoryBytes }: Gpu): string {
  const memory = memoryBytes === undefined ? [] : [`${(memoryBytes / 2 ** 30).toFixed(0)} GiB`];
  const facts = [...memory, arch, driver && `driver ${driver}`].filter((fact) => fact !== undefined);
  return `GPU ${index}: ${name} (${facts.join(", ")})`;
}

function print(rows: readonly Row[]): void {
  const [first] = rows;
  console.log(
    "| device | backend | million samples x pixels a second | times the processor | pixels that differ | R of 32x32 crops: mean, most | as a result |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const { device, backend, speed, crops, failed } of rows) {
    if (failed !== undefined || speed === undefined || crops === undefined) {
      console.log(`| ${device} | ${backend} | - | - | - | - | ${failed ?? ""} |`);
      continue;
    }
    const r = crops.map(({ difference }) => difference.r ?? Number.NaN);
    const mean = r.reduce((sum, value) => sum + value, 0) / r.length;
    const differing = crops.reduce((sum, { difference }) => sum + difference.differingPixels, 0) / SIDE ** 2;
    const cells = [
      (speed / 1e6).toFixed(2),
      (speed / (first?.speed ?? Number.NaN)).toFixed(1),
      `${(differing * 100).toFixed(1)} %`,
      `${mean.toFixed(4)}, ${Math.max(...r).toFixed(4)}`,
      crossClassVerdict(crops),
    ];
    console.log(`| ${device} | ${backend} | ${cells.join(" | ")} |`);
  }
  console.log(
    `\nA result is doubted above R ${NOISE_RATIO_LIMITS.doubt}, and taken for a lie when two crops are above ${NOISE_RATIO_LIMITS.strike}.`,
  );
}

import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { blenderIn } from "../bridge/core/environments/facts.ts";
import { BLENDER_SCRIPTS } from "../bridge/blender/blender-process.ts";
import { findBlenders } from "../bridge/blender/find/find-blender.ts";
import { openSession } from "../bridge/blender/render/session.ts";
import type { BlenderBuild, StartProcess } from "../bridge/blender/types.ts";
import type { ChunkSpec } from "../bridge/core/plan/chunk.ts";
import { INSIDE } from "../bridge/sandbox/docker/container-config.ts";
import { ContainerSandbox } from "../bridge/sandbox/docker/container-sandbox.ts";
import { startPlainProcess } from "../bridge/sandbox/process/process-sandbox.ts";

/**
 * The cost of a container compared with a plain process: the same Blender build, the same scene, one thread, in turn, for several rounds.
 * `node bench/containers.ts`, or `node bench/containers.ts 7` for seven rounds. Needs an environment (`bridge env build`).
 */

const rounds = Number(process.argv[2] ?? 5);
const SIZE = { cpus: 1, memoryBytes: 2 * 2 ** 30 };
const PATIENCE_MS = 600_000;
const SCENE = fileURLToPath(new URL("../sample-scenes/demo-still.blend", import.meta.url));

const root = await mkdtemp(join(tmpdir(), "p2p-bench-"));
const [tools, scene] = [join(root, "tools"), join(root, "scene")];
for (const folder of [tools, scene]) await mkdir(folder);
await copyFile(SCENE, join(scene, "scene.blend"));
await Promise.all([chmod(scene, 0o755), chmod(join(scene, "scene.blend"), 0o644)]);

const here = await findBlenders({ start: startPlainProcess }, {}, AbortSignal.timeout(PATIENCE_MS));
const own = here[0]?.version;
const openedMs = performance.now();
await using sandbox = await ContainerSandbox.open(own === undefined ? {} : { environment: own });
await sandbox.prepare({ node: "bench", tools, scripts: BLENDER_SCRIPTS });
const openSeconds = (performance.now() - openedMs) / 1_000;
if (!sandbox.environment) throw new Error("this takes an environment: bridge env build");
const inside = blenderIn(sandbox.environment.facts);
const { version, buildHash } = inside;
const plain = here.find((build) => build.version === version && build.buildHash === buildHash);
if (!plain) throw new Error(`this machine has no Blender ${version} (${buildHash}) to compare with`);

/** A rectangle of the scene's frame. */
function chunk(width: number, height: number): ChunkSpec {
  return { kind: "raw", scene: "Scene", frame: 1, width: 480, height: 270, rect: { x: 120, y: 60, width, height }, denoise: "none" };
}
const SMALL = chunk(8, 8);
const LARGE = chunk(120, 60);

interface Way {
  readonly name: string;
  readonly blender: BlenderBuild;
  readonly scenePath: string;
  readonly start: (scratch: string) => StartProcess;
}

const ways: readonly Way[] = [
  { name: "plain process", blender: plain, scenePath: join(scene, "scene.blend"), start: () => startPlainProcess },
  {
    name: "container",
    blender: inside,
    scenePath: `${INSIDE.scene}/scene.blend`,
    start: (scratch) => (request) => sandbox.start(request, { scripts: BLENDER_SCRIPTS, scene, scratch }, SIZE),
  },
];

type Figures = Readonly<Record<"ready" | "load" | "first chunk" | "warm small chunk" | "warm large chunk" | "end", number>>;

/** One session from its start to its end, in seconds a step. */
async function measure({ blender, scenePath, start }: Way): Promise<Figures> {
  const scratch = await mkdtemp(join(root, "scratch-"));
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const timed = async <T>(work: () => Promise<T>) => {
    const before = performance.now();
    const value = await work();
    return { value, seconds: (performance.now() - before) / 1_000 };
  };
  const { value: session, seconds: ready } = await timed(() =>
    openSession({ start: start(scratch) }, { blender, scratch, threads: 1, untrusted: true }, signal),
  );
  const load = await timed(() => session.load(scenePath, { remap: {} }, signal));
  const first = await timed(() => session.render(SMALL, signal));
  const small = await timed(() => session.render(SMALL, signal));
  const large = await timed(() => session.render(LARGE, signal));
  const end = await timed(() => session.close());
  return {
    ready,
    load: load.seconds,
    "first chunk": first.seconds,
    "warm small chunk": small.seconds,
    "warm large chunk": large.seconds,
    end: end.seconds,
  };
}

const measured = new Map<string, Figures[]>(ways.map(({ name }) => [name, []]));
for (let round = 0; round < rounds; round++) for (const way of ways) measured.get(way.name)?.push(await measure(way));
await rm(root, { recursive: true, force: true });

const medianOf = (way: string, figure: keyof Figures) => {
  const values = (measured.get(way) ?? []).map((figures) => figures[figure]).toSorted((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
};
console.log(
  `Blender ${version}, one thread, ${rounds} rounds, medians in seconds; the engine was found and looked at in ${openSeconds.toFixed(2)} s\n`,
);
console.log("| step | plain process | container | ratio |\n|---|---|---|---|");
for (const figure of ["ready", "load", "first chunk", "warm small chunk", "warm large chunk", "end"] as const) {
  const [process_, container] = [medianOf("plain process", figure), medianOf("container", figure)];
  console.log(`| ${figure} | ${process_.toFixed(3)} | ${container.toFixed(3)} | ${(container / process_).toFixed(2)} |`);
}

import { mkdtemp, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plotBars } from "./swarm/plot.ts";
import { clean, type Run, SCENES, startDonor, timeBlender, timeBridge } from "./swarm/swarm.ts";

/**
 * The speed-up of a swarm over one machine: every way to render the same frames, in turn, for several rounds; medians and
 * ratios. `npm run bench`, `npm run bench -- 5` for five rounds, `npm run bench -- 5 still` for five rounds of the groups named "still".
 * Machines are noisy: trust the ratios.
 */

const rounds = Number(process.argv[2] ?? 3);
const groupWanted = process.argv[3] ?? "";
const root = await mkdtemp(join(tmpdir(), "p2p-bench-"));
const heavy = join(root, "heavy.blend");
const long = join(root, "long.blend");
const still = join(root, "still.blend");
await timeBlender([join(SCENES, "demo-still.blend"), "-P", fileURLToPath(new URL("scenes.py", import.meta.url)), "--", root]);
const out = (name: string) => join(root, name, "f_####");

interface Way {
  readonly name: string;
  readonly group: string;
  run(): Promise<Run>;
}

const eightFrames = ["-s", "1", "-e", "8", "-a"];
const shortFrames = Array.from({ length: 12 }, (_, index) => index + 1);
const everyWay: readonly Way[] = [
  {
    group: "12 short frames of a heavy scene",
    name: "blender -b -f N, one process a frame",
    run: async () => await sum(shortFrames.map((frame) => () => timeBlender([heavy, "-o", out("a"), "-f", String(frame)]))),
  },
  { group: "12 short frames of a heavy scene", name: "blender -b -a", run: () => timeBlender([heavy, "-o", out("b"), "-a"]) },
  { group: "12 short frames of a heavy scene", name: "bridge, this machine", run: () => timeBridge(root, [heavy, "-o", out("c"), "-a"]) },
  { group: "4 long frames", name: "blender -b -a", run: () => timeBlender([long, "-o", out("d"), "-a"]) },
  { group: "4 long frames", name: "bridge, this machine", run: () => timeBridge(root, [long, "-o", out("e"), "-a"]) },
  { group: "still, one thread each", name: "blender -b -t 1", run: () => timeBlender(["-t", "1", still, "-o", out("f"), "-f", "1"]) },
  { group: "still, one thread each", name: "2 x blender -b -t 1, half each", run: () => halvesByHand(still) },
  {
    group: "still, one thread each",
    name: "bridge, 2 one-thread donors, tiles",
    run: () => withDonors([still, "-o", out("g"), "-f", "1"]),
  },
  {
    group: "8 frames, one thread each",
    name: "blender -b -t 1 -a",
    run: () => timeBlender(["-t", "1", long, "-o", out("h"), ...eightFrames]),
  },
  { group: "8 frames, one thread each", name: "2 x blender -b -t 1, half each", run: () => halfTheFramesByHand(long) },
  {
    group: "8 frames, one thread each",
    name: "bridge, 2 one-thread donors, frames",
    run: () => withDonors([long, "-o", out("i"), ...eightFrames]),
  },
];

const ways = everyWay.filter(({ group }) => group.includes(groupWanted));
const donors = await Promise.all(["one", "two"].map((name) => startDonor(root, name, 1)));
// One warm-up run: the first run of a new home searches Blender, and fills the disk cache.
await withDonors([join(SCENES, "hot-corner.blend"), "-o", out("warm"), "-f", "1"]);

async function withDonors(args: readonly string[]): Promise<Run> {
  return await timeBridge(root, [...args, "--no-local", "--verify", "off"], donors);
}

/** The upper bound: two Blenders at once, each with half of the picture, without assembly. */
async function halvesByHand(scene: string): Promise<Run> {
  const half = (from: number, to: number) =>
    timeBlender(["-t", "1", scene, "--python-expr", cropTo(from, to), "-o", join(root, "halves", `${from}_##`), "-f", "1"]);
  return slower(await Promise.all([half(0, 0.5), half(0.5, 1)]));
}

/** The same for eight frames. */
async function halfTheFramesByHand(scene: string): Promise<Run> {
  const half = (first: number, last: number) =>
    timeBlender(["-t", "1", scene, "-o", join(root, "halves", "f_####"), "-s", `${first}`, "-e", `${last}`, "-a"]);
  return slower(await Promise.all([half(1, 4), half(5, 8)]));
}

function slower([one, other]: readonly [Run, Run]): Run {
  return { ...one, seconds: Math.max(one.seconds, other.seconds) };
}

function cropTo(from: number, to: number): string {
  const settings = `use_border, r.use_crop_to_border, r.border_min_x, r.border_max_x, r.border_min_y, r.border_max_y`;
  return `import bpy; r = bpy.context.scene.render; r.${settings} = True, True, ${from}, ${to}, 0, 1`;
}

async function sum(runs: readonly (() => Promise<Run>)[]): Promise<Run> {
  let seconds = 0;
  for (const run of runs) seconds += (await run()).seconds;
  return { seconds, bridge: undefined, donors: [] };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2;
}

const seconds = new Map<Way, number[]>();
const usage = new Map<Way, Run>();
try {
  for (let round = 1; round <= rounds; round++) {
    for (const way of ways) {
      const run = await way.run();
      seconds.set(way, [...(seconds.get(way) ?? []), run.seconds]);
      usage.set(way, run);
      process.stderr.write(`round ${round}/${rounds}  ${run.seconds.toFixed(2).padStart(7)} s  ${way.group}: ${way.name}\n`);
    }
  }
} finally {
  await Promise.all(donors.map((donor) => donor.stop()));
  await clean(root);
}

const rows = ways.map((way) => {
  const own = median(seconds.get(way) ?? []);
  const first = ways.find(({ group, name }) => group === way.group && name.startsWith("blender") && !name.includes("process a frame"));
  const ratio = first
    ? median((seconds.get(way) ?? []).map((value, index) => (seconds.get(first)?.[index] ?? Number.NaN) / value))
    : Number.NaN;
  const run = usage.get(way);
  return { group: way.group, name: way.name, seconds: own, speedUp: ratio, bridge: run?.bridge, donors: run?.donors ?? [] };
});

console.log(
  `\n| frames | how | median s | times as fast as one Blender | requester CPU s / peak MB | donors CPU s / peak MB |\n|---|---|---|---|---|---|`,
);
for (const row of rows) {
  const use = (usages: readonly { cpuSeconds: number; peakBytes: number }[]) =>
    usages.map(({ cpuSeconds, peakBytes }) => `${cpuSeconds.toFixed(1)} / ${(peakBytes / 2 ** 20).toFixed(0)}`).join(", ") || "-";
  console.log(
    `| ${row.group} | ${row.name} | ${row.seconds.toFixed(2)} | ${row.speedUp.toFixed(2)} | ${use(row.bridge ? [row.bridge] : [])} | ${use(row.donors)} |`,
  );
}
const plot = new URL("./results.svg", import.meta.url);
await writeFile(plot, plotBars(rows));
console.log(`\nPlot: bench/results.svg (donors' CPU seconds count from their start)`);

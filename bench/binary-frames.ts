import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { openTestGateway } from "../bridge/gateway/fixtures/gateway-kit.ts";

/**
 * The cost of file transfer by binary frames, when bridge and Blender share no disk: `npm run bench -- binary-frames`.
 * The bridge's real gateway in this process, the add-on's own code in another; compared with reading the file by its path.
 * `node bench/binary-frames.ts [MiB] [runs]`
 */

const Measured = z.object({
  rawByPath: z.array(z.number()),
  rawByFrames: z.array(z.number()),
  sceneByPath: z.array(z.number()),
  sceneByFrames: z.array(z.number()),
  waitsMs: z.array(z.number()),
});

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

function at(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

const [mebibytes = "256", runs = "3"] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "bench-binary-frames-"));
const gateway = await openTestGateway();
try {
  const [floats, scene] = [join(folder, "floats.exr"), join(folder, "scene.blend")];
  const data = randomBytes(Number(mebibytes) * 1024 * 1024);
  for (const path of [floats, scene]) await writeFile(path, data);
  gateway.told.add(floats);
  const words = [here("binary_frames.py"), String(gateway.port), gateway.token, floats, scene, runs, folder, here("../.runtime/wheels")];
  const { stdout } = await promisify(execFile)("python3", words, { maxBuffer: 16 * 1024 * 1024 });
  const said = Measured.parse(JSON.parse(stdout));
  const speed = (values: readonly number[]) => at(values, 0.5).toFixed(0);
  console.log(`| ${mebibytes} MiB, MB/s | by path | by binary frames |\n|---|---|---|`);
  console.log(`| a float frame, to the add-on | ${speed(said.rawByPath)} | ${speed(said.rawByFrames)} |`);
  console.log(`| a scene, to the bridge | ${speed(said.sceneByPath)} | ${speed(said.sceneByFrames)} |`);
  console.log(
    `\nQuestions beside a float frame: ${at(said.waitsMs, 0.5).toFixed(1)} ms (p50), ${at(said.waitsMs, 0.9).toFixed(1)} ms (p90)`,
  );
} finally {
  await gateway.close();
  await rm(folder, { recursive: true, force: true });
}

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { BLENDER } from "../blender-reference.ts";
import { type RunningDonor, SAMPLES, startDonor } from "../bridge-command.ts";
import { expectSamePicture } from "../sample-scene.ts";

interface SampleScene {
  readonly file: string;
  readonly trap: string;
  readonly still?: number;
  readonly animation?: boolean;
  readonly movie?: boolean;
}

const scenes = JSON.parse(await readFile(join(SAMPLES, "scenes.json"), "utf8")) as SampleScene[];

let root: string;
let donors: RunningDonor[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-samples-"));
  donors = await Promise.all(["a", "b"].map((name) => startDonor(join(root, `donor-${name}`), ["--cpus", "1", "--blender", BLENDER])));
});
afterAll(async () => {
  await Promise.all(donors.map((donor) => donor[Symbol.asyncDispose]()));
  await rm(root, { recursive: true, force: true });
});

describe("sample scenes on a swarm of two donors equal plain Blender", () => {
  for (const { file, trap, still, animation } of scenes) {
    if (still !== undefined) {
      it(`${file}, still in tiles: ${trap}`, () =>
        expectSamePicture(
          { root, donors },
          { name: `${file}-still`, file, swarm: ["-f", String(still), "--tiles", "3x2"], blender: ["-f", String(still)] },
        ));
    }
    if (animation) {
      it(`${file}, animation by frames: ${trap}`, () =>
        expectSamePicture({ root, donors }, { name: `${file}-animation`, file, swarm: ["-a"], blender: ["-a"] }));
    }
  }
});

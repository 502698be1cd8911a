import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBlenders } from "../../blender/find/find-blender.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { BLENDER } from "../blender-reference.ts";
import { type RunningDonor, runBridge, SAMPLES, startDonor, story } from "../bridge-command.ts";
import { expectSamePicture } from "../sample-scene.ts";
import { timeLimitSignal } from "../time/time-limit.ts";

interface SampleScene {
  readonly file: string;
  readonly trap: string;
  readonly still?: number;
  readonly animation?: boolean;
  readonly movie?: boolean;
  readonly needs?: "denoiser";
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

const [blender] = await findBlenders({ start: startPlainProcess }, { explicit: BLENDER }, timeLimitSignal(60_000));
const hasDenoiser = blender?.hasDenoiser === true;

/** Distributions build Blender without a denoiser: then the scene must be refused, otherwise the picture must be equal. */
describe("scenes that are denoised", () => {
  for (const { file, trap } of scenes.filter(({ needs }) => needs === "denoiser")) {
    it(`${file}: ${trap}`, async () => {
      const frame = ["-f", "1"];
      if (hasDenoiser) {
        await expectSamePicture({ root, donors }, { name: file, file, swarm: [...frame, "--tiles", "3x2"], blender: frame });
        return;
      }
      const home = join(root, "requester");
      const run = await runBridge(
        ["render", join(SAMPLES, `${file}.blend`), "-o", join(root, "no", "f_"), ...frame, "--home", home, "--json"],
        {
          cwd: root,
        },
      );
      expect(run.exitCode, story(run)).toBe(2);
      expect(story(run)).toContain("DENOISER_MISSING");
    });
  }
});

describe("sample scenes on a swarm of two donors equal plain Blender", () => {
  it("sequencer, still: a frame without a strip, which no engine renders", async () => {
    const frame = ["-f", "1"];
    await expectSamePicture({ root, donors }, { name: "no-strip", file: "sequencer", swarm: frame, blender: frame });
  });
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

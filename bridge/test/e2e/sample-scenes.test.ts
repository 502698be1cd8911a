import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { type RunningDonor, runBridge, SAMPLES, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { comparePictures } from "../same-picture.ts";

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

/** A copy of a scene and of what it reads: File Output nodes write beside the scene. */
async function sceneCopy(name: string, side: string, file: string): Promise<string> {
  const folder = join(root, name, side);
  await mkdir(folder, { recursive: true });
  for (const entry of [`${file}.blend`, "linked", "pictures"]) await cp(join(SAMPLES, entry), join(folder, entry), { recursive: true });
  return folder;
}

async function renderOnSwarm(folder: string, file: string, args: readonly string[]) {
  const peers = donors.flatMap(({ address }) => ["--peer", address]);
  const options = [
    "--no-local",
    "--swarm",
    TEST_SWARM,
    ...peers,
    "--verify",
    "off",
    "--blender",
    BLENDER,
    "--json",
    "--home",
    join(root, "requester"),
  ];
  return await runBridge(["render", join(folder, `${file}.blend`), "-o", `${folder}/render/f_####`, ...args, ...options], { cwd: root });
}

async function expectSamePicture(
  name: string,
  file: string,
  flags: { readonly swarm: readonly string[]; readonly blender: readonly string[] },
): Promise<void> {
  const [ours, theirs] = [await sceneCopy(name, "ours", file), await sceneCopy(name, "theirs", file)];
  await renderReference(join(theirs, `${file}.blend`), ["-o", `${theirs}/render/f_####`, ...flags.blender], join(theirs, "render"));
  const run = await renderOnSwarm(ours, file, flags.swarm);
  expect(run.exitCode, story(run)).toBe(0);
  expect(run.lines.at(-1)).toMatchObject({ event: "job-ended", outcome: "complete" });
  expect(await comparePictures(join(ours, "render"), join(theirs, "render"))).toEqual([]);
}

describe("sample scenes on a swarm of two donors equal plain Blender", () => {
  for (const { file, trap, still, animation } of scenes) {
    if (still !== undefined) {
      it(`${file}, still in tiles: ${trap}`, () =>
        expectSamePicture(`${file}-still`, file, { swarm: ["-f", String(still), "--tiles", "3x2"], blender: ["-f", String(still)] }));
    }
    if (animation) {
      it(`${file}, animation by frames: ${trap}`, () => expectSamePicture(`${file}-animation`, file, { swarm: ["-a"], blender: ["-a"] }));
    }
  }
});

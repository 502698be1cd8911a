import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { BLENDER, renderReference } from "./blender-reference.ts";
import { type RunningDonor, runBridge, SAMPLES, story, TEST_SWARM } from "./bridge-command.ts";
import { comparePictures } from "./same-picture.ts";

/** A test's swarm and folder. */
export interface SampleSwarm {
  readonly root: string;
  readonly donors: readonly RunningDonor[];
}

/** One way to render a sample scene, on a swarm and by Blender itself. */
export interface SampleRender {
  readonly name: string;
  readonly file: string;
  readonly swarm: readonly string[];
  readonly blender: readonly string[];
}

/** Renders a sample scene on the swarm and by plain Blender: the files must be equal, value by value. */
export async function expectSamePicture({ root, donors }: SampleSwarm, { name, file, swarm, blender }: SampleRender): Promise<void> {
  const [ours, theirs] = [await sceneCopy(join(root, name, "ours"), file), await sceneCopy(join(root, name, "theirs"), file)];
  await renderReference(join(theirs, `${file}.blend`), ["-o", `${theirs}/render/f_####`, ...blender], join(theirs, "render"));
  const peers = donors.flatMap(({ address }) => ["--peer", address]);
  const options = ["--no-local", "--swarm", TEST_SWARM, ...peers, "--verify", "off", "--blender", BLENDER, "--json"];
  const run = await runBridge(
    ["render", join(ours, `${file}.blend`), "-o", `${ours}/render/f_####`, ...swarm, ...options, "--home", join(root, "requester")],
    { cwd: root },
  );
  expect(run.exitCode, story(run)).toBe(0);
  expect(run.lines.at(-1)).toMatchObject({ event: "job-ended", outcome: "complete" });
  expect(await comparePictures(join(ours, "render"), join(theirs, "render"))).toEqual([]);
}

/** A copy of a scene and its files, because File Output nodes write beside the scene. */
async function sceneCopy(folder: string, file: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const entry of [`${file}.blend`, "linked", "pictures"]) await cp(join(SAMPLES, entry), join(folder, entry), { recursive: true });
  return folder;
}

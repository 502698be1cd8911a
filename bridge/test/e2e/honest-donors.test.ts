import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER } from "../blender-reference.ts";
import { runBridge, startDonor, story, TEST_SWARM } from "../bridge-command.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-honest-"));
  const script = fileURLToPath(new URL("../fixtures/honest_scenes.py", import.meta.url));
  await promisify(execFile)(BLENDER, ["-b", "--factory-startup", "-P", script, "--python-exit-code", "1", "--", root]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** The results of two honest donors, all of which were checked. */
async function renderWithTwo(scene: string, flags: readonly string[]) {
  const donorArgs = ["--cpus", "1", "--blender", BLENDER];
  await using first = await startDonor(join(root, `${scene}-one`), donorArgs);
  await using second = await startDonor(join(root, `${scene}-the-other`), donorArgs);
  const own = ["--home", join(root, `${scene}-home`), "--json", "--no-local", "--swarm", TEST_SWARM, "--blender", BLENDER];
  const peers = ["--peer", first.address, "--peer", second.address];
  const output = ["-o", join(root, scene, "f_####")];
  return await runBridge(["render", join(root, `${scene}.blend`), ...output, ...flags, "--verify", "full", ...own, ...peers]);
}

describe("results of two honest donors are accepted", () => {
  for (const [scene, files] of [
    ["whole-jpeg", ["f_0001.jpg", "f_0002.jpg"]],
    ["whole-exr", ["f_0001.exr", "f_0002.exr"]],
    ["whole-node", ["f_0001.png", "f_0002.png", "p_0001.exr", "p_0002.exr"]],
  ] as const) {
    it(`whole frames with metadata (${scene})`, async () => {
      const run = await renderWithTwo(scene, ["-f", "1..2"]);
      expect(run.exitCode, story(run)).toBe(0);
      expect(run.lines.filter(({ event }) => event === "donor-banned")).toEqual([]);
      const verdicts = run.lines.filter(({ event }) => event === "chunk-checked").map((line) => line["verdict"]);
      expect(new Set(verdicts)).toEqual(new Set(["equal"]));
      expect(await readdir(join(root, scene))).toEqual(expect.arrayContaining([...files]));
    });
  }

  it("view layers with their own data", async () => {
    const run = await renderWithTwo("layers", ["-f", "1", "--tiles", "3x2"]);
    expect(run.lines.filter(({ event }) => event === "donor-banned")).toEqual([]);
    expect(run.exitCode, story(run)).toBe(0);
    expect(run.lines.at(-1)).toMatchObject({ event: "job-ended", outcome: "complete" });
  });
});

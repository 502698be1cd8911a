import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER } from "../blender-reference.ts";
import { bridge, runBridge, SAMPLES, TEST_SWARM } from "../bridge-command.ts";

let root: string;
let good: string;
let output: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-bad-"));
  output = join(root, "out");
  good = join(SAMPLES, "compositor-glare.blend");
  await mkdir(output);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function render(scene: string, args: readonly string[] = []) {
  const shared = ["--blender", BLENDER, "--home", join(root, "home"), "--swarm", TEST_SWARM];
  return await runBridge(["render", scene, "-o", join(output, "f_####"), "-f", "1", ...shared, ...args]);
}

async function expectRefused(run: Awaited<ReturnType<typeof render>>, code: string, exitCode = 2): Promise<void> {
  expect(run.stderr).toContain(code);
  expect(run.exitCode).toBe(exitCode);
  expect(run.stderr).not.toMatch(/^\s+at .*\.ts:\d+/m);
  expect(await readdir(output)).toEqual([]);
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

/** The same scene without compression. */
async function plainBlend(): Promise<Buffer> {
  const path = join(root, "plain.blend");
  const script = `import bpy; bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)}, compress=False, copy=True)`;
  await execa(BLENDER, ["-b", "--factory-startup", good, "--python-expr", script], { env: { PATH: "/usr/local/bin:/usr/bin:/bin" } });
  return await readFile(path);
}

describe("bad input gets a clear error with its code, and leaves nothing behind", () => {
  it("a missing scene file", async () => expectRefused(await render(join(root, "none.blend")), "SCENE_NOT_FOUND"));
  it("an empty file", async () => expectRefused(await render(await file("empty.blend", "")), "SCENE_EMPTY"));
  it("a folder", async () => expectRefused(await render(root), "SCENE_NOT_A_FILE"));
  it("a text file", async () => expectRefused(await render(await file("text.blend", "no scene at all")), "SCENE_NOT_BLEND"));
  it("a truncated scene", async () =>
    expectRefused(await render(await file("cut.blend", (await plainBlend()).subarray(0, 30_000))), "SCENE_UNREADABLE"));
  it("a scene of a newer Blender", async () => {
    const bytes = Buffer.from(await plainBlend());
    bytes.write("999", 9);
    await expectRefused(await render(await file("newer.blend", bytes)), "SCENE_TOO_NEW");
  });
  it("invalid frames", async () => expectRefused(await render(good, ["-f", "1..x"]), "FRAMES_INVALID"));
  it("invalid tiles", async () => expectRefused(await render(good, ["--tiles", "many"]), "TILES_INVALID"));
  it("more tiles than pixels", async () => expectRefused(await render(good, ["--tiles", "4000x4000"]), "TILES_INVALID"));
  it("an unknown option", async () => {
    const run = await render(good, ["--wrong"]);
    expect(run.exitCode).toBe(2);
  });
  it("an unknown scene name", async () => expectRefused(await render(good, ["-S", "Nobody"]), "SCENE_UNKNOWN"));
  it("an impossible output folder", async () => {
    const blocked = await file("blocked", "a file");
    await expectRefused(await render(good, ["-o", join(blocked, "f_####")]), "OUTPUT_NOT_WRITABLE");
  });
  it.runIf(process.platform === "linux")("an output folder that cannot be made, before any work", async () => {
    const run = await render(good, ["-o", "/proc/nope/f_####", "--json"]);
    await expectRefused(run, "OUTPUT_NOT_WRITABLE");
    expect(run.stdout).not.toContain("chunk-");
  });
  it("a video with the name of a folder, before any work", async () => {
    const folder = join(root, "folder.mp4");
    await mkdir(folder);
    const run = await render(good, ["--video", folder, "--json"]);
    await expectRefused(run, "OUTPUT_NOT_WRITABLE");
    expect(run.stdout).not.toContain("chunk-");
  });
  it("an invalid peer address", async () =>
    expectRefused(await render(good, ["--peer", "not/an/address", "--no-local"]), "PEER_ADDRESS_INVALID"));
  it("a missing Blender", async () =>
    expectRefused(
      await runBridge(["render", good, "--blender", join(root, "nowhere"), "--home", join(root, "home")]),
      "BLENDER_NOT_FOUND",
    ));
  it("a scene that denoises, on a Blender without the denoiser", async () => {
    await expectRefused(await render(join(SAMPLES, "denoise.blend")), "DENOISER_MISSING");
  });
  it("an unknown video format", async () => expectRefused(await render(good, ["--video", join(root, "film.xyz")]), "VIDEO_UNSUPPORTED"));
  it("an unreachable peer and no other donor", async () => {
    const run = await render(good, ["--peer", "/ip4/127.0.0.1/tcp/9", "--no-local"]);
    await expectRefused(run, "NO_DONORS", 3);
    expect(run.stdout).toContain("cannot be reached");
  });
  it("a Blender that crashes on the scene is retried, then the job names the chunk", async () => {
    const crashing = await file("crashing", `#!/bin/sh\ncase "$*" in *donor_main.py*) kill -SEGV $$;; *) exec ${BLENDER} "$@";; esac\n`);
    await chmod(crashing, 0o755);
    const run = await runBridge([
      "render",
      good,
      "-o",
      join(output, "f_####"),
      "-f",
      "1",
      "--blender",
      crashing,
      "--home",
      join(root, "home-crash"),
      "--swarm",
      TEST_SWARM,
      "--json",
    ]);
    expect(run.exitCode).toBe(3);
    expect(run.lines.some((line) => line.event === "chunk-dead" && line["code"] === "BLENDER_CRASHED")).toBe(true);
    expect(run.lines.at(-1)).toMatchObject({ event: "job-ended", outcome: "incomplete" });
    expect(await readdir(output)).toEqual([]);
  });
});

describe("compressed scenes are accepted", () => {
  it("gzip", async () => {
    const scene = await file("zipped.blend", gzipSync(await plainBlend()));
    const run = await runBridge([
      "render",
      scene,
      "-o",
      join(root, "zipped", "f_####"),
      "-f",
      "1",
      "--blender",
      BLENDER,
      "--home",
      join(root, "home"),
      "--swarm",
      TEST_SWARM,
    ]);
    expect(run.exitCode, run.stderr).toBe(0);
    expect(await readdir(join(root, "zipped"))).toEqual(["f_0001.png"]);
  });
});

it("a render whose standard output is closed (`| head`) ends as by Ctrl-C, without a stack trace", async () => {
  const args = ["render", good, "-o", join(output, "f_####"), "-f", "1", "--blender", BLENDER, "--home", join(root, "home"), "--json"];
  const { child, line } = bridge([...args, "--swarm", TEST_SWARM]);
  await line(({ event }) => event === "job-created");
  child.stdout.destroy();
  const { exitCode, stderr } = await child;
  expect(exitCode).toBe(130);
  expect(stderr).not.toMatch(/^\s+at /m);
});

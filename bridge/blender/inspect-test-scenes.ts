import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import type { SceneRenderFacts } from "../core/scene-facts.ts";
import { startPlainProcess } from "../sandbox/process-sandbox.ts";
import { inspectScene } from "./inspect-scene.ts";
import type { BlenderFlags, Inspection } from "./types.ts";

/** Makes small scenes with a real Blender while tests run. Only tests import this. */
export interface TestScenes extends AsyncDisposable {
  /** A folder for the test's files. */
  readonly folder: string;
  /** Runs Python in a Blender that opened its factory scene; `here` is the folder. Paths are relative to it. */
  python(source: string): Promise<void>;
  /** Puts a small file there; returns its absolute path. */
  file(name: string, bytes?: string | Uint8Array): Promise<string>;
  /** The absolute path of a name in the folder. */
  path(name: string): string;
}

const PRELUDE = `
import bpy, os, sys
here = sys.argv[-1]
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 4, False, False
def save(name, **options):
    path = os.path.join(here, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=False, **options)
`;

export const TEST_BLENDER = process.env["TEST_BLENDER"] ?? "blender";

/** A fresh folder for test scenes; removed when disposed. */
export async function testScenes(): Promise<TestScenes> {
  const folder = await mkdtemp(resolve(tmpdir(), "inspect-"));
  const path = (name: string) => resolve(folder, name);
  return {
    folder,
    path,
    python: async (source) => {
      const script = path("make.py");
      await writeFile(script, PRELUDE + source);
      const args = ["-b", "--factory-startup", "--python-exit-code", "1", "-P", script, "--", folder];
      await promisify(execFile)(TEST_BLENDER, args, { maxBuffer: 64 * 1024 * 1024 }).catch((error: { stdout?: string; stderr?: string }) => {
        throw new Error(`the test's scene could not be made:\n${error.stdout?.slice(-1500)}\n${error.stderr?.slice(-1500)}`);
      });
    },
    file: async (name, bytes = "x") => {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), bytes);
      return path(name);
    },
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

export interface InspectCase {
  readonly flags?: BlenderFlags;
  readonly frames?: readonly number[];
  readonly cwd?: string;
}

/** Inspects a scene of the folder (or anywhere, by absolute path) with the real Blender. */
export async function inspectTestScene(scenes: TestScenes, name: string, options: InspectCase = {}): Promise<Inspection> {
  const { flags = {}, ...rest } = options;
  const scratch = await mkdtemp(scenes.path("scratch-"));
  const blender = { path: TEST_BLENDER, version: await testBlenderVersion(), buildHash: "", hasDenoiser: false };
  return await inspectScene(
    { start: startPlainProcess },
    { blender, scenePath: scenes.path(name), flags, scratch, threads: 1, ...rest },
    AbortSignal.timeout(120_000),
  );
}

async function testBlenderVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)(TEST_BLENDER, ["--version"]);
  return /Blender (\S+)/.exec(stdout)?.[1] ?? "";
}

/** The facts of the scene that is rendered. */
export function mainScene(inspection: Inspection): SceneRenderFacts {
  const [main] = inspection.facts.scenes;
  if (!main) throw new Error("inspection named no scene");
  return main;
}

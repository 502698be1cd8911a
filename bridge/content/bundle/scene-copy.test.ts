import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stampAt } from "./file-stamp.ts";
import { type PackedBundle, packBundle } from "./pack.ts";
import { SceneCopy } from "./scene-copy.ts";

const { signal } = new AbortController();
let folder: string;
let scene: string;
let copy: SceneCopy;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "p2p-scene-copy-"));
  scene = join(folder, "project", "shots", "s.blend");
  for (const [path, content] of [
    [scene, "old scene"],
    [join(folder, "project", "textures", "a.png"), "a"],
    [join(folder, "waiting", "x"), ""],
  ] as const) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  copy = new SceneCopy(join(folder, "job", "scene"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function packed(): Promise<PackedBundle> {
  const files = [scene, join(folder, "project", "textures", "a.png")].map((path, index) => ({
    path,
    kind: index === 0 ? "blend" : "image",
    missing: false,
  }));
  return await packBundle(files, { copies: new Map([[scene, copy.path]]) }, signal);
}

async function taken(): Promise<boolean> {
  const stamp = await stampAt(scene);
  return stamp !== undefined && (await copy.take(scene, stamp, join(folder, "waiting")));
}

async function saveOver(content: string): Promise<void> {
  await writeFile(`${scene}@`, content);
  await rename(`${scene}@`, scene);
}

describe("the copy of a scene that was sent", () => {
  it("keeps the scene as it was, and donors still get it after the file was overwritten", async () => {
    expect(await taken()).toBe(true);
    const bundle = await packed();
    await copy.keep();
    await saveOver("a new scene, longer than the old one");
    const block = bundle.files.find(({ path }) => path === bundle.manifest.scene)!.blocks[0]!;
    expect(Buffer.from(await bundle.source.read(block.sha256, 0, block.bytes, signal)).toString()).toBe("old scene");
    expect(await readdir(join(folder, "waiting"))).toEqual(["x"]);
  });

  it("is laid out as in the bundle, with links to the other files", async () => {
    await taken();
    const bundle = await packed();
    await copy.keep();
    await saveOver("new");
    for (let times = 0; times < 2; times++) {
      const { directory, scenePath, remap } = await copy.layOut(bundle, signal);
      expect(scenePath).toBe(join(directory, "shots", "s.blend"));
      expect(await readFile(scenePath, "utf8")).toBe("old scene");
      expect((await lstat(scenePath)).isSymbolicLink()).toBe(false);
      expect(await readFile(join(scenePath, "../../textures/a.png"), "utf8")).toBe("a");
      expect((await lstat(join(directory, "textures", "a.png"))).isSymbolicLink()).toBe(true);
      expect(remap[join(folder, "project")]).toBe(directory);
    }
  });

  it("is not made when the scene was overwritten before it was whole, or when it cannot be written", async () => {
    const before = await stampAt(scene);
    await saveOver("new");
    expect(await copy.take(scene, before!, join(folder, "waiting"))).toBe(false);
    expect(await copy.take(scene, (await stampAt(scene))!, join(folder, "nowhere"))).toBe(false);
  });

  it("is not opened when its content differs from what was sent", async () => {
    await taken();
    const bundle = await packed();
    await copy.keep();
    await writeFile(copy.path, "damaged!!");
    await expect(copy.layOut(bundle, signal)).rejects.toMatchObject({ code: "SCENE_CHANGED", facts: { path: scene } });
  });
});

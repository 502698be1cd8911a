import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { SceneCopy } from "../../content/bundle/scene-copy.ts";
import { SentScene } from "./sent-scene.ts";

const { signal } = new AbortController();
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "p2p-sent-scene-"));
  path = join(folder, "project", "s.blend");
  await mkdir(join(folder, "project"));
  await mkdir(join(folder, "waiting"));
  await writeFile(path, "old scene");
  await writeFile(join(folder, "project", "a.png"), "a");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const files = () => [
  { path, kind: "blend", missing: false },
  { path: join(folder, "project", "a.png"), kind: "image", missing: false },
];
const settings = (begun?: string) => ({ cacheDir: join(folder, "cache"), waitingRoom: join(folder, "waiting"), begun });
const sceneHere = () => new SentScene(path, new SceneCopy(join(folder, "job", "scene")), systemClock, signal);

async function saveOver(content = "a new scene"): Promise<void> {
  await writeFile(`${path}@`, content);
  await rename(`${path}@`, path);
}

async function sentScene(between: () => Promise<void> = async () => {}) {
  const sent = sceneHere();
  await sent.look();
  await sent.inspected(async () => {}, join(folder, "waiting"));
  await between();
  return { sent, bundle: await sent.pack(files(), settings(), signal) };
}

describe("the scene as it was sent", () => {
  it("is opened at its own path as long as its file is unchanged", async () => {
    const { sent } = await sentScene();
    expect(await sent.toOpen(false, signal)).toEqual({ key: path, path, remap: {} });
  });

  it("is opened from its copy after that, under the same key when a Blender may keep the scene it has open", async () => {
    const { sent } = await sentScene();
    await saveOver();
    const scene = await sent.toOpen(false, signal);
    expect(await readFile(scene.path, "utf8")).toBe("old scene");
    expect(scene.key).toBe(path);
    expect((await sent.toOpen(true, signal)).key).toBe(scene.path);
  });

  it("is the inspected scene, also when its file was overwritten before packing", async () => {
    const { bundle } = await sentScene();
    const late = await sentScene(() => saveOver());
    expect(late.bundle.manifestHash).toBe(bundle.manifestHash);
    expect(await readFile((await late.sent.toOpen(false, signal)).path, "utf8")).toBe("old scene");
  });

  it("a scene overwritten during inspection does not start a job", async () => {
    const sent = sceneHere();
    await sent.look();
    await expect(sent.inspected(() => saveOver(), join(folder, "waiting"))).rejects.toMatchObject({ code: "SCENE_CHANGED" });
  });

  it("another file that changed is named, unless the job itself wrote it", async () => {
    const { sent } = await sentScene();
    const picture = join(folder, "project", "a.png");
    await writeFile(picture, "other");
    await expect(sent.toOpen(false, signal)).rejects.toMatchObject({ code: "SCENE_CHANGED", facts: { path: picture } });
    sent.wrote([picture]);
    await sent.confirmOthers(signal);
  });

  it("a resumed job opens the copy", async () => {
    const { bundle } = await sentScene();
    await saveOver();
    const again = sceneHere();
    expect((await again.pack(files(), settings(bundle.manifestHash), signal)).manifestHash).toBe(bundle.manifestHash);
    expect(await readFile((await again.toOpen(false, signal)).path, "utf8")).toBe("old scene");
    await rm(path);
    expect((await sceneHere().pack(files(), settings(bundle.manifestHash), signal)).manifestHash).toBe(bundle.manifestHash);
  });

  it("a resumed job opens an unchanged scene at its own path, and makes a missing copy", async () => {
    const { bundle } = await sentScene();
    await rm(join(folder, "job"), { recursive: true });
    const again = sceneHere();
    await again.pack(files(), settings(bundle.manifestHash), signal);
    expect((await again.toOpen(false, signal)).path).toBe(path);
    await saveOver();
    expect(await readFile((await again.toOpen(false, signal)).path, "utf8")).toBe("old scene");
  });

  it("a change of the .blend is reported when there is no copy", async () => {
    const sent = sceneHere();
    await sent.look();
    await sent.pack(files(), settings(), signal);
    await saveOver();
    await expect(sent.toOpen(false, signal)).rejects.toMatchObject({ code: "SCENE_CHANGED", facts: { path } });
    await expect(sent.confirmCopy(signal)).rejects.toMatchObject({ code: "SCENE_CHANGED" });
  });
});

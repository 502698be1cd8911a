import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { SceneCopy } from "../../content/bundle/scene-copy.ts";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { WarmSession } from "../../donor/ports.ts";
import { RenderSlots } from "../../donor/render-slots.ts";
import { FarmError } from "../../kernel/errors.ts";
import { SentScene } from "./sent-scene.ts";
import { slotsForSentScene, withSceneChangeCheck } from "./slots-for-sent-scene.ts";

const { signal } = new AbortController();
const spec: ChunkSpec = {
  kind: "raw",
  scene: "Scene",
  frame: 1,
  width: 8,
  height: 8,
  rect: { x: 0, y: 0, width: 8, height: 8 },
  denoise: "none",
};
const stepped: ChunkSpec = { ...spec, stepFrom: 1 };

let folder: string;
let path: string;
let sent: SentScene;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "p2p-sent-slots-"));
  path = join(folder, "s.blend");
  await mkdir(join(folder, "waiting"));
  await writeFile(path, "old scene");
  await writeFile(join(folder, "a.png"), "a");
  sent = new SentScene(path, new SceneCopy(join(folder, "job")), systemClock, signal);
  await sent.look();
  await sent.inspected(async () => {}, join(folder, "waiting"));
  const files = ["s.blend", "a.png"].map((name, index) => ({
    path: join(folder, name),
    kind: index === 0 ? "blend" : "image",
    missing: false,
  }));
  await sent.pack(files, { cacheDir: join(folder, "cache"), waitingRoom: join(folder, "waiting"), begun: undefined }, signal);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function saveOver(): Promise<void> {
  await writeFile(`${path}@`, "a new scene");
  await rename(`${path}@`, path);
}

/** A fake Blender that "renders" the contents of the file at loading; `meanwhile` runs during the render. */
function slotsWith(meanwhile: { load?: () => Promise<void>; render?: () => Promise<void> } = {}) {
  const loads: string[] = [];
  const openSession = async (): Promise<WarmSession> => {
    let held = "";
    const session: WarmSession = {
      load: async (scene) => {
        loads.push(scene);
        held = await readFile(scene, "utf8");
        await meanwhile.load?.();
      },
      render: async () => {
        await meanwhile.render?.();
        return { outputs: [held], renderSeconds: 1, peakMemoryBytes: 1 };
      },
      exited: new Promise(() => {}),
      close: async () => {},
    };
    return withSceneChangeCheck(session, sent);
  };
  const slots = new RenderSlots({ openSession }, { slots: 1 });
  const ours = slotsForSentScene(slots, sent);
  const render = (what: ChunkSpec = spec) =>
    ours.run({ key: path, path, remap: {} }, what, { take: async ({ outputs }) => outputs[0] }, signal);
  return { render, loads, slots };
}

describe("this machine's own slots", () => {
  it("render the scene as it was sent after its file was overwritten", async () => {
    const { render, loads } = slotsWith();
    await saveOver();
    expect(await render()).toBe("old scene");
    expect(loads).toHaveLength(1);
    expect(loads[0]).not.toBe(path);
  });

  it("a Blender that has it open does not open it again", async () => {
    const { render, loads } = slotsWith();
    await render();
    await saveOver();
    expect(await render()).toBe("old scene");
    expect(loads).toEqual([path]);
  });

  it("a Blender that must reload the file for a simulation opens the copy", async () => {
    const { render, loads } = slotsWith();
    await render(stepped);
    await saveOver();
    expect(await render(stepped)).toBe("old scene");
    expect(loads).toHaveLength(2);
  });

  it("a file overwritten while Blender reads it: the copy is opened instead", async () => {
    let times = 0;
    const { render, loads } = slotsWith({ load: async () => void (times++ === 0 && (await saveOver())) });
    expect(await render()).toBe("old scene");
    expect(loads).toHaveLength(2);
  });

  it("a half-written file that Blender could not read: the copy is opened instead", async () => {
    let times = 0;
    const load = async () => {
      if (times++ > 0) return;
      await saveOver();
      throw new FarmError("SCENE_UNREADABLE", "half a file");
    };
    expect(await slotsWith({ load }).render()).toBe("old scene");
    await expect(slotsWith({ load: () => Promise.reject(new FarmError("SCENE_UNREADABLE", "damaged")) }).render()).rejects.toMatchObject({
      code: "SCENE_UNREADABLE",
    });
  });

  it("name another file that changed, also during rendering, and return no picture", async () => {
    const picture = join(folder, "a.png");
    const { render } = slotsWith({ render: () => writeFile(picture, "other") });
    await expect(render()).rejects.toMatchObject({ code: "SCENE_CHANGED", facts: { path: picture } });
    await expect(slotsWith().render()).rejects.toMatchObject({ code: "SCENE_CHANGED", facts: { path: picture } });
  });

  it("a scene that was opened before packing is used only when it is the packed one", async () => {
    const { render, loads, slots } = slotsWith();
    await slots.warmUp({ key: path, path, remap: {} }, signal);
    expect(await render()).toBe("old scene");
    expect(loads).toEqual([path]);
  });
});

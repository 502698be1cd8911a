import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import PQueue from "p-queue";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import type { StartProcess } from "../types.ts";
import { silentLog } from "../../kernel/log.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import { describePicture, type FinishCase, FinishKit, listFiles } from "../fixtures/finish-kit.ts";
import { assembledFileName } from "./finisher.ts";

const plain: FinishCase = { name: "plain PNG, two frames", scene: "plain", frames: [1, 4] };
const broken: FinishCase = { name: "broken", scene: "plain", frames: [1, 2, 3, 4] };
const leftover: FinishCase = { name: "leftover", scene: "file_outputs" };
const TABLE: readonly FinishCase[] = [
  plain,
  { name: "glare and lens distortion", scene: "glare_lens" },
  { name: "two layers, AOV, cryptomatte", scene: "layers_crypto" },
  { name: "cryptomatte node", scene: "cryptomatte_node" },
  { name: "border without crop", scene: "border" },
  { name: "border with crop, blur", scene: "border_crop" },
  { name: "stereo, individual files", scene: "stereo" },
  { name: "stereo multilayer", scene: "stereo_multilayer" },
  { name: "stereo anaglyph", scene: "stereo_anaglyph" },
  { name: "transparent 16-bit PNG", scene: "transparent" },
  { name: "stamp", scene: "stamp" },
  { name: "File Output nodes", scene: "file_outputs" },
  { name: "muted File Output", scene: "muted_output" },
  { name: "driven compositor", scene: "driven", frames: [5, 1] },
  {
    name: "animation with step",
    scene: "animation",
    animation: true,
    flags: { output: "//out/f_##x", frameStart: 1, frameEnd: 5, frameStep: 2 },
  },
  {
    name: "movie at 29.97",
    scene: "movie",
    movie: { start: 1, end: 4, step: 1 },
    flags: { output: "//out/film", frameStart: 1, frameEnd: 4 },
  },
  {
    name: "second scene's layers",
    scene: "second_scene",
    frames: [1, 2],
    others: [1, 2].map((frame) => ({ scene: "Other", frame, size: [64, 48] as const })),
  },
  {
    name: "scene strip",
    scene: "scene_strip",
    frames: [2, 3],
    withoutMain: true,
    others: [1, 2].map((frame) => ({ scene: "Shot", frame })),
  },
  { name: "Freestyle", scene: "freestyle" },
  { name: "own output path, no overwrite", scene: "no_overwrite", flags: {} },
  { name: "JPEG into a folder", scene: "plain", flags: { output: "//출력 {{x}} #/", format: "JPEG", scene: "Scène 1" } },
  { name: "EXR without extension", scene: "plain", flags: { output: "relative/f_##_x", format: "OPEN_EXR", useExtension: false } },
  { name: "number only, through a parent", scene: "plain", flags: { output: "//made/../deep/er/" } },
];

const moved: FinishCase = { name: "moved", scene: "file_outputs", frames: [1, 2, 3] };

let kit: FinishKit;
const twoAtATime = new PQueue({ concurrency: 2 });

beforeAll(async () => {
  kit = await FinishKit.prepare([...TABLE, broken, leftover, moved]);
});

afterAll(async () => {
  await rm(kit.root, { recursive: true, force: true });
});

describe.concurrent("finished files equal what plain Blender writes", () => {
  test.each(TABLE)("$name", async (item) => {
    await twoAtATime.add(async () => {
      const { work, reference } = kit.folders(item);
      await kit.renderReference(item);
      const returned = await kit.finish(item);
      const names = await listFiles(work);
      expect(names).toEqual(await listFiles(reference));
      expect(names.length).toBeGreaterThan(0);
      expect(returned.map((file) => path.relative(work, file)).sort()).toEqual(names);
      for (const name of names) expect(await describePicture(work, name)).toBe(await describePicture(reference, name));
    });
  });
});

describe("a frame that cannot be finished", () => {
  const sceneFrame = (frame: number) => path.join(kit.folders(broken).assembled, assembledFileName({ scene: "Scène 1", frame }));

  test("fails with a reason and leaves no file; the finisher continues, and cleans up", async () => {
    const { signal } = new AbortController();
    const { work } = kit.folders(broken);
    await truncate(sceneFrame(1), 20_000);
    await writeFile(sceneFrame(2), "not an EXR");
    const start = vi.fn<StartProcess>(startPlainProcess);
    const finisher = await kit.open(broken, { start });
    await expect(finisher.finishFrame(1, signal)).rejects.toMatchObject({
      code: "FINISHING_FAILED",
      message: expect.stringContaining("cut short"),
    });
    await expect(finisher.finishFrame(2, signal)).rejects.toMatchObject({
      code: "FINISHING_FAILED",
      message: expect.stringContaining("not a single-part"),
    });
    await expect(finisher.finishFrame(9, signal)).rejects.toMatchObject({
      code: "FINISHING_FAILED",
      message: expect.stringContaining("was not assembled"),
    });
    await copyFile(
      path.join(kit.folders({ ...plain, name: "border without crop" }).assembled, assembledFileName({ scene: "Scène 1", frame: 2 })),
      sceneFrame(1),
    );
    await expect(finisher.finishFrame(1, signal)).rejects.toMatchObject({
      code: "FINISHING_FAILED",
      message: expect.stringContaining("pixels instead of 64x48"),
    });
    expect((await listFiles(work)).filter((name) => name.endsWith(".png"))).toEqual([]);

    for (const frame of [3, 4, 3, 4, 3, 4])
      expect(pathsOf(await finisher.finishFrame(frame, signal))).toEqual([path.join(work, "out", `f_000${frame}.png`)]);
    expect(start, "all in one warm Blender").toHaveBeenCalledTimes(1);
    await finisher.close();
    expect(await readdir(path.join(work, "out"))).toEqual(["f_0003.png", "f_0004.png"]);
  });

  test("an output folder that cannot be made is refused before any work", async () => {
    await writeFile(path.join(kit.folders(broken).work, "file"), "");
    await expect(kit.open(broken, { flags: { output: "//file/x" } })).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
    await expect(kit.open(broken, { flags: { scene: "nobody" } })).rejects.toMatchObject({ code: "SCENE_UNKNOWN" });
  });

  // A small disk can be mounted by root only, and a Blender in a root folder of its own would not see it.
  test.runIf(process.platform === "linux" && process.getuid?.() === 0 && !process.env["BLENDER_PATH"])(
    "a full disk is DISK_FULL",
    async () => {
      const { signal } = new AbortController();
      const disk = path.join(kit.root, "disk");
      await mkdir(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
      try {
        const finisher = await kit.open(broken, { flags: { output: path.join(disk, "f_"), format: "OPEN_EXR" } });
        await writeFile(path.join(disk, "ballast"), Buffer.alloc(230 * 1024));
        await expect(finisher.finishFrame(3, signal)).rejects.toMatchObject({ code: "DISK_FULL" });
        await rm(path.join(disk, "ballast"));
        expect(pathsOf(await finisher.finishFrame(3, signal))).toEqual([path.join(disk, "f_0003.exr")]);
        await finisher.close();
        expect(await readdir(disk)).toEqual(["f_0003.exr"]);
      } finally {
        execFileSync("umount", ["-l", disk]);
      }
    },
  );

  test("a File Output node that points nowhere costs its own files only", async () => {
    const { signal } = new AbortController();
    const { work } = kit.folders(leftover);
    await writeFile(path.join(work, "side"), "a file where the nodes want a folder");
    const warned: object[] = [];
    await using finisher = await kit.open(leftover, { log: { ...silentLog, warn: (fields) => warned.push(fields) } });
    expect(pathsOf(await finisher.finishFrame(2, signal))).toEqual([path.join(work, "out", "f_0002.png")]);
    expect(warned).toHaveLength(3);
    expect(await readFile(path.join(work, "side"), "utf8")).toContain("a file");
  });
});

describe("an output folder that is removed during the job", () => {
  const out = () => path.join(kit.folders(moved).work, "out");
  const { signal } = new AbortController();

  test("is made again, and so are the nodes' folders: each frame is whole in one of them", async () => {
    const { work } = kit.folders(moved);
    const finisher = await kit.open(moved);
    const first = await finisher.finishFrame(1, signal);
    expect(first).toHaveLength(4);
    for (const file of first) expect((await stat(file.path)).size).toBe(file.bytes);
    expect(first.filter(({ main }) => main)).toEqual([expect.objectContaining({ path: path.join(out(), "f_0001.png") })]);

    await rename(out(), path.join(work, "elsewhere"));
    expect(pathsOf(await finisher.finishFrame(2, signal))).toHaveLength(4);
    expect(await readFile(path.join(out(), "f_0002.png"))).not.toHaveLength(0);

    // During a frame: the file is in the removed folder or in the new one, depending on timing.
    for (const afterMs of [0, 2, 5, 10, 20, 40]) {
      const taken = path.join(work, `taken after ${afterMs} ms`);
      const finishing = finisher.finishFrame(3, signal);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await rename(out(), taken);
      expect(pathsOf(await finishing)).toHaveLength(4);
      const sizes = await Promise.all([taken, out()].map((folder) => sizeOf(path.join(folder, "f_0003.png"))));
      expect(Math.max(...sizes)).toBeGreaterThan(0);
      await mkdir(out(), { recursive: true });
    }
    expect(pathsOf(await finisher.finishFrame(1, signal))).toHaveLength(4);
    await finisher.close();
    expect((await readdir(out())).filter((name) => !name.endsWith(".png"))).toEqual([]);
  });

  test("is named in the error when it cannot be made again", async () => {
    await using finisher = await kit.open(moved);
    await rm(out(), { recursive: true });
    await writeFile(out(), "a file in its place");
    await expect(finisher.finishFrame(1, signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
    await rm(out());
    expect(pathsOf(await finisher.finishFrame(1, signal))).toHaveLength(4);
  });
});

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

function pathsOf(files: readonly WrittenFile[]): string[] {
  return files.map((file) => file.path);
}

import { copyFile, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describePicture, type FinishCase, FinishKit, listFiles } from "../../blender/fixtures/finish-kit.ts";
import type { FinisherOptions } from "../../blender/finish/finisher.ts";
import { SceneCopy } from "../../content/bundle/scene-copy.ts";
import { jobFinisherContract } from "../../test/contract/job-finisher-contract.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { openOwnFinisher } from "./own-finisher.ts";
import { SentScene } from "./sent-scene.ts";
import { timeLimitSignal } from "../../test/time/time-limit.ts";

const outputs: FinishCase = { name: "File Output nodes", scene: "file_outputs" };
const stamp: FinishCase = { name: "stamp with the file's name", scene: "stamp" };
const picture: FinishCase = { name: "a picture that changes", scene: "plain" };
const contract = {
  pictures: { name: "contract of pictures", scene: "plain", frames: [1, 2] },
  movie: { name: "contract of a movie", scene: "movie", movie: { start: 1, end: 2, step: 1 } },
} as const satisfies Record<string, FinishCase>;
const scratch = { noteOutside: async () => {} };

let kit: FinishKit;
beforeAll(async () => {
  kit = await FinishKit.prepare([outputs, stamp, picture, contract.pictures, contract.movie]);
});
afterAll(() => rm(kit.root, { recursive: true, force: true }));

/** The scene of a test case as sent by a job, with one more file that it reads. */
async function sentScene(item: FinishCase, { scenePath }: FinisherOptions) {
  const { signal } = new AbortController();
  const { root } = kit.folders(item);
  const texture = path.join(root, "texture.png");
  await mkdir(path.join(root, "waiting"), { recursive: true });
  await writeFile(texture, "a");
  const sent = new SentScene(scenePath, new SceneCopy(path.join(root, "job")), systemClock, signal);
  await sent.look();
  await sent.inspected(async () => {}, path.join(root, "waiting"));
  const files = [scenePath, texture].map((at, index) => ({ path: at, kind: index === 0 ? "blend" : "image", missing: false }));
  await sent.pack(files, { cacheDir: path.join(root, "cache"), waitingRoom: path.join(root, "waiting"), begun: undefined }, signal);
  return { sent, texture };
}

/** Differences between a picture of the job and plain Blender's, ignoring the path of the .blend in the metadata. */
async function described(folder: string, name: string): Promise<string> {
  return (await describePicture(folder, name)).replaceAll(/^ *File: .*\n/gm, "");
}

describe("a finishing Blender that opens a scene after its file was overwritten", () => {
  it("makes the pictures of the scene as it was sent, at their paths, and leaves no other file", async () => {
    const { work, reference } = kit.folders(outputs);
    const options = await kit.options(outputs);
    await kit.renderReference(outputs);
    const { sent } = await sentScene(outputs, options);
    await copyFile(path.join(kit.root, "glare_lens.blend"), options.scenePath);
    const finisher = await openOwnFinisher({ disk: systemDisk, sent, scratch, opened: undefined }, options, timeLimitSignal(250_000));
    expect((await readdir(work)).filter((name) => name.startsWith("."))).toEqual([]);
    await finisher.finishFrame(2, timeLimitSignal(250_000));
    await finisher.close();
    const names = await listFiles(work);
    expect(names).toEqual(await listFiles(reference));
    for (const name of names) expect(await described(work, name)).toBe(await described(reference, name));
  });

  it("refuses an output that would show the name of the copy", async () => {
    const options = await kit.options(stamp);
    const { sent } = await sentScene(stamp, options);
    await copyFile(path.join(kit.root, "plain.blend"), options.scenePath);
    const opening = openOwnFinisher({ disk: systemDisk, sent, scratch, opened: undefined }, options, timeLimitSignal(250_000));
    await expect(opening).rejects.toMatchObject({ code: "SCENE_CHANGED" });
    expect(await listFiles(kit.folders(stamp).work)).toEqual([]);
  });

  it("delivers no picture once another file of the scene has changed", async () => {
    const options = await kit.options(picture);
    const { sent, texture } = await sentScene(picture, options);
    await using finisher = await openOwnFinisher({ disk: systemDisk, sent, scratch, opened: undefined }, options, timeLimitSignal(250_000));
    await writeFile(texture, "b");
    await expect(finisher.finishFrame(2, timeLimitSignal(250_000))).rejects.toMatchObject({
      code: "SCENE_CHANGED",
      facts: { path: texture },
    });
    expect(await listFiles(kit.folders(picture).work)).toEqual([]);
  });
});

jobFinisherContract("the finishing Blender", async ({ makes }) => {
  const options = await kit.options(contract[makes]);
  const { sent } = await sentScene(contract[makes], options);
  const finisher = await openOwnFinisher({ disk: systemDisk, sent, scratch, opened: undefined }, options, timeLimitSignal(250_000));
  return {
    finisher,
    sizeOf: async (file) =>
      await stat(file).then(
        ({ size }) => size,
        () => undefined,
      ),
    [Symbol.asyncDispose]: () => finisher.close(),
  };
});

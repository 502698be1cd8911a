import { beforeEach, expect, it } from "vitest";
import type { Chunk } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import type { ResultSummary } from "../ports.ts";
import { TILES_AS_THEY_ARE } from "../fixtures/tiles-as-they-are.ts";
import { SceneFrameAssembly, type SceneFrameAssemblyDeps } from "./scene-frame-assembly.ts";

const plan = planOf({ costs: [1, 1] });
const [left, right] = plan.chunks as [Chunk, Chunk];
const planned = { ...(plan.sceneFrames[0] as (typeof plan.sceneFrames)[number]), chunks: ["c0", "c1"] };
const { signal } = new AbortController();
const by = (donor: string) => ({ donor, files: [{ role: "raw" as const, name: "f", sha256: donor, bytes: 1 }] });

let calls: string[];
let paste: (path: string) => Promise<void>;
let summary: ResultSummary | undefined;
let completion: SceneFrameAssemblyDeps["completion"];
let frame: SceneFrameAssembly;
beforeEach(() => {
  calls = [];
  paste = async (path) => void calls.push(`paste ${path}`);
  summary = { channels: ["R", "G"], attributes: { a: "b" }, nonFinite: 0 };
  const media = {
    createAssembled: async ({ path, channels, width }: { path: string; channels: readonly string[]; width: number }) =>
      void calls.push(`create ${path} ${channels.join("")} ${width}`),
    paste: async ({ resultPath }: { resultPath: string }) => await paste(resultPath),
  };
  const files = {
    resultPath: (chunk: string, donor: string) => `${chunk} of ${donor}`,
    tiledPath: (path: string) => `tiled-${path}`,
    remove: async (paths: readonly string[]) => void calls.push(`remove ${paths.join()}`),
  };
  completion = TILES_AS_THEY_ARE;
  const deps = { media, files, assembledPath: () => "picture.exr", summaryOf: async () => summary };
  frame = new SceneFrameAssembly(
    {
      ...deps,
      completion: {
        isNeeded: (...args) => completion.isNeeded(...args),
        countChannels: (...args) => completion.countChannels(...args),
        complete: (...args) => completion.complete(...args),
      },
    },
    planned,
  );
});

it("is whole when each of its tiles has been pasted into one picture", async () => {
  expect(await frame.add(left, by("a"), signal)).toBe(true);
  expect(frame.isWhole).toBe(false);
  await frame.add(right, by("b"), signal);
  expect(frame.isWhole).toBe(true);
  expect(calls).toEqual(["create picture.exr RG 4", "paste c0 of a", "paste c1 of b"]);
  expect([...frame.results.values()].map(({ donor }) => donor)).toEqual(["a", "b"]);
});

it("waits for a revoked tile, and counts revocations", async () => {
  await frame.add(left, by("a"), signal);
  await frame.add(right, by("a"), signal);
  const before = frame.revision;
  frame.remove("c0");
  expect([frame.isWhole, frame.revision === before]).toEqual([false, false]);
});

it("a result that is revoked while it is pasted does not count", async () => {
  const gate = Promise.withResolvers<void>();
  paste = () => gate.promise;
  const adding = frame.add(left, by("a"), signal);
  await new Promise((resolve) => setImmediate(resolve));
  frame.remove("c0");
  gate.resolve();
  expect([await adding, frame.results.size]).toEqual([false, 0]);
});

it("two results of one tile are pasted in order, and the later one stays", async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  paste = async (path) => {
    order.push(`begin ${path}`);
    if (path === "c0 of a") await gate.promise;
    order.push(`end ${path}`);
  };
  const first = frame.add(left, by("a"), signal);
  await new Promise((resolve) => setImmediate(resolve));
  frame.remove("c0");
  const second = frame.add(left, by("b"), signal);
  gate.resolve();
  expect([await first, await second]).toEqual([false, true]);
  expect(order).toEqual(["begin c0 of a", "end c0 of a", "begin c0 of b", "end c0 of b"]);
  expect(frame.results.get("c0")?.donor).toBe("b");
});

it("a failed paste does not block the next result of the tile", async () => {
  paste = () => Promise.reject(new Error("the disk is full"));
  await expect(frame.add(left, by("a"), signal)).rejects.toThrow("full");
  paste = async () => {};
  expect(await frame.add(left, by("b"), signal)).toBe(true);
});

it("final files of whole-frame engines are not pasted", async () => {
  const [final] = planOf({ costs: [1], kind: "files" }).chunks as [Chunk];
  expect(await frame.add(final, by("a"), signal)).toBe(true);
  expect(calls).toEqual([]);
});

it("a raw result before the frame's channels are known is a bug", async () => {
  summary = undefined;
  await expect(frame.add(left, by("a"), signal)).rejects.toThrow("before its channels were known");
});

it("is completed once for each revision when its tiles are not the picture yet", async () => {
  const done: string[] = [];
  completion = {
    isNeeded: () => true,
    countChannels: () => ({}),
    complete: async ({ tiled, to, lastSamples }) => void done.push(`${tiled.path} -> ${to} ${JSON.stringify(lastSamples)}`),
  };
  await frame.add(left, { donor: "a", files: [{ role: "raw", name: "f", sha256: "a", bytes: 1, lastSamples: [96] }] }, signal);
  await frame.add(right, by("b"), signal);
  expect(calls[0]).toBe("create tiled-picture.exr RG 4");
  await frame.complete(() => {}, signal);
  await frame.complete(() => {}, signal);
  expect(done).toEqual(["tiled-picture.exr -> picture.exr [[96],null]"]);
  frame.remove("c1");
  await frame.add(right, by("c"), signal);
  await frame.complete(() => {}, signal);
  expect(done).toHaveLength(2);
  await frame.forget();
  expect(calls.at(-1)).toBe("remove tiled-picture.exr");
});

it("a picture of tiles as they are needs no completion, and nothing of it is removed", async () => {
  await frame.add(left, by("a"), signal);
  await frame.complete(() => {}, signal);
  await frame.forget();
  expect(calls).toEqual(["create picture.exr RG 4", "paste c0 of a"]);
});

import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { FarmError } from "../../kernel/errors.ts";
import { MemoryFiles } from "../../test/simulation/memory-files.ts";
import { Steps } from "../../test/simulation/steps.ts";
import type { DonorLink } from "../donors/donor-link.ts";
import type { ResultSummary } from "../ports.ts";
import { RESULT_LIMITS } from "./result-shape.ts";
import { ResultReceiver } from "./result-receiver.ts";

const { signal } = new AbortController();
const file = (sha256: string): ResultFile => ({ role: "raw", name: "f", sha256, bytes: 1 });

function receiver(): { results: ResultReceiver; files: MemoryFiles } {
  const files = new MemoryFiles(new Steps());
  const summary = { channels: [], attributes: {}, nonFinite: 0 };
  return {
    files,
    results: new ResultReceiver({ files, media: { check: async () => summary }, trustedSummary: async () => summary }, { verifies: true }),
  };
}

it("the first files that a donor commits to are final: the checked files are the used ones", () => {
  const { results } = receiver();
  results.expect("c", "a");
  expect(results.commit("c", "a", [file("true")])).toBe(true);
  expect(results.commit("c", "a", [file("other")])).toBe(false);
  expect(results.files("c", "a")).toEqual([file("true")]);
});

it("a commitment without a lease is ignored", () => {
  const { results } = receiver();
  expect(results.commit("c", "a", [file("x")])).toBe(false);
  expect(results.files("c", "a")).toEqual([]);
});

it("a dropped result is removed once no reader uses it", async () => {
  const { results, files } = receiver();
  results.restore("c", "a", [file("x")]);
  const path = files.resultPath("c", "a", "x");
  files.write(path, "pixels");
  const reading = Promise.withResolvers<void>();
  const used = results.use("c", "a", async () => (await reading.promise, files.read(path)), signal);
  const dropped = results.drop("c", "a");
  await Promise.resolve();
  expect(files.below("results")).toEqual([path]);
  reading.resolve();
  expect(await used).toBeUndefined(); // nobody counts on it
  await dropped;
  expect(files.below("results")).toEqual([]);
});

it("a new lease of the same chunk to the same donor starts without the earlier result", async () => {
  const { results } = receiver();
  results.expect("c", "a");
  results.commit("c", "a", [file("old")]);
  results.expect("c", "a");
  expect(results.files("c", "a")).toEqual([]);
  expect(results.commit("c", "a", [file("new")])).toBe(true);
});

describe("a fetched result", () => {
  const [chunk] = planOf({ costs: [1] }).chunks as [Chunk];
  const [wholeFrame] = planOf({ costs: [1], kind: "files" }).chunks as [Chunk];
  const summary = (channels: readonly string[], nonFinite = 0): ResultSummary => ({ channels, attributes: {}, nonFinite });
  let files: MemoryFiles;
  let fetched: string[];
  /** What the gate finds in the fetched file, and what a sample of this machine shows. */
  let found: () => Promise<ResultSummary>;
  let sample: () => Promise<ResultSummary>;
  let samples: number;
  beforeEach(() => {
    [files, fetched, samples] = [new MemoryFiles(new Steps()), [], 0];
    found = async () => summary(["R"]);
    sample = async () => summary(["R"]);
  });

  const link = (trusted = false) =>
    ({
      id: "a",
      trusted,
      fetch: async (_chunk: string, { sha256 }: ResultFile, path: string) => {
        fetched.push(sha256);
        files.write(path, "data");
      },
    }) as unknown as DonorLink;

  function promised(promise: readonly ResultFile[], { verifies = true, of = chunk } = {}): ResultReceiver {
    const trustedSummary = () => {
      samples++;
      return sample();
    };
    const results = new ResultReceiver({ files, media: { check: () => found() }, trustedSummary }, { verifies });
    results.expect(of.id, "a");
    results.commit(of.id, "a", promise);
    return results;
  }

  it("passes the gate when its channels are those of a sample rendered by this machine", async () => {
    expect(await promised([file("aa")]).take(chunk, link(), signal)).toMatchObject({ sha256: "aa", bytes: 1, suspicious: false });
    expect([fetched, samples]).toEqual([["aa"], 1]);
  });

  it("is suspicious when it holds values that are not finite", async () => {
    found = async () => summary(["R"], 3);
    expect(await promised([file("aa")]).take(chunk, link(), signal)).toMatchObject({ suspicious: true });
  });

  it("is refused with other channels", async () => {
    found = async () => summary(["R", "G"]);
    await expect(promised([file("aa")]).take(chunk, link(), signal)).rejects.toMatchObject({ code: "RESULT_INVALID" });
  });

  it("is refused by its announced files, before a byte is fetched", async () => {
    await expect(promised([file("aa"), file("bb")]).take(chunk, link(), signal)).rejects.toMatchObject({ code: "RESULT_INVALID" });
    expect(fetched).toEqual([]);
  });

  it("of this machine, or without verification, needs no sample", async () => {
    await promised([file("aa")]).take(chunk, link(true), signal);
    await promised([file("aa")], { verifies: false }).take(chunk, link(), signal);
    expect(samples).toBe(0);
  });

  it("of a whole-frame engine is the hash of all its files, without its preview", async () => {
    const output = (sha256: string): ResultFile => ({ role: "output", name: sha256, sha256, bytes: 2 });
    const promise = [output("aa"), output("bb"), { ...file("cc"), role: "preview" as const }];
    const result = await promised(promise, { of: wholeFrame }).take(wholeFrame, link(), signal);
    expect(result).toMatchObject({ bytes: 5, suspicious: false, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([fetched, samples]).toEqual([["aa", "bb"], 0]);
  });

  it("does not exist without a lease, and is the donor's failure when it announced no files", async () => {
    const results = promised([file("aa")]);
    expect(await results.take({ ...chunk, id: "c9" }, link(), signal)).toBeUndefined();
    results.expect("c5", "a");
    await expect(results.take({ ...chunk, id: "c5" }, link(), signal)).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it("is undefined when it was dropped meanwhile, whether the fetch succeeded or failed", async () => {
    const results = promised([file("aa")]);
    found = async () => {
      void results.drop(chunk.id, "a");
      throw new FarmError("EXR_INVALID", "cut short");
    };
    expect(await results.take(chunk, link(), signal)).toBeUndefined();
  });

  it("has its preview shown, if there is one that is small enough", async () => {
    const preview = (bytes: number): ResultFile => ({ role: "preview", name: "p", sha256: "cc", bytes });
    const show = async (promise: readonly ResultFile[]) =>
      await promised(promise).withPreview(chunk.id, link(), async (path) => files.read(path), signal);
    expect(await show([file("aa"), preview(10)])).toBe("data");
    expect(await show([file("aa"), preview(RESULT_LIMITS.maxPreviewBytes + 1)])).toBeUndefined();
    expect(await show([file("aa")])).toBeUndefined();
  });

  describe("this machine's sample", () => {
    it("is rendered once per scene, also for results that arrive at the same time", async () => {
      const results = promised([file("aa")]);
      results.expect("c1", "a");
      results.commit("c1", "a", [file("bb")]);
      await Promise.all([results.take(chunk, link(), signal), results.take({ ...chunk, id: "c1" }, link(), signal)]);
      expect(samples).toBe(1);
    });

    it("is rendered again when it failed; a second failure is no donor's fault", async () => {
      let failures = 1;
      sample = async () => {
        if (failures-- > 0) throw new Error("Blender crashed");
        return summary(["R"]);
      };
      expect(await promised([file("aa")]).take(chunk, link(), signal)).toBeDefined();
      failures = 2;
      await expect(promised([file("aa")]).take(chunk, link(), signal)).rejects.toMatchObject({ code: "CHECK_FAILED" });
    });

    it("that can never be rendered ends the job with its error", async () => {
      sample = () => Promise.reject(new FarmError("SCENE_CHANGED", "saved over"));
      await expect(promised([file("aa")]).take(chunk, link(), signal)).rejects.toMatchObject({ code: "SCENE_CHANGED" });
      expect(samples).toBe(1);
    });

    it("that was cancelled with its result is rendered again for the next one", async () => {
      const results = promised([file("aa")]);
      results.expect("c1", "a");
      results.commit("c1", "a", [file("bb")]);
      const gate = Promise.withResolvers<ResultSummary>();
      sample = () => gate.promise;
      const first = results.take(chunk, link(), signal);
      await new Promise((resolve) => setImmediate(resolve));
      const second = results.take({ ...chunk, id: "c1" }, link(), signal);
      await new Promise((resolve) => setImmediate(resolve));
      sample = async () => summary(["R"]);
      void results.drop(chunk.id, "a");
      gate.reject(new Error("aborted"));
      expect(await first).toBeUndefined();
      expect(await second).toMatchObject({ sha256: "bb" });
      expect(samples).toBe(2);
    });
  });
});

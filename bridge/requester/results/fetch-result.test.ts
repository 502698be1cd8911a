import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { DonorLink } from "../donors/donor-link.ts";
import { type ObservedRun, observedRun } from "../fixtures/observed-run.ts";
import { fetchResult } from "./fetch-result.ts";
import type { FetchedResult } from "./result-receiver.ts";

const [chunk] = planOf({ costs: [1] }).chunks as [Chunk];
const [wholeFrame] = planOf({ costs: [1], kind: "files" }).chunks as [Chunk];
const donor = { id: "a", trusted: false } as DonorLink;
const fetched: FetchedResult = { files: [], sha256: "ab", bytes: 12, suspicious: false };

let run: ObservedRun;
let shown: string[];
beforeEach(() => {
  run = observedRun([chunk]);
  shown = [];
});

interface Trouble {
  readonly take?: () => Promise<FetchedResult | undefined>;
  readonly add?: () => Promise<string>;
}

function fetch(of: Chunk = chunk, { take = async () => fetched, add = async () => "preview.png" }: Trouble = {}) {
  const receiver = {
    take,
    withPreview: async <T>(_chunk: string, _donor: DonorLink, use: (path: string) => Promise<T>) => {
      const value = await use("small.png");
      shown.push("small.png");
      return value;
    },
  };
  return fetchResult({ receiver, preview: { add } }, run.context, of, donor);
}

describe("a fetched result", () => {
  it("is sent to the schedule with its hash, and counted", async () => {
    await fetch();
    expect(run.told).toEqual([{ type: "result-fetched", chunk: "c0", donor: "a", sha256: "ab", suspicious: false }]);
    expect(run.context.report.stats.accepted("c0", "a").bytes).toBe(12);
  });

  it("has its preview shown before it counts as fetched: the donor drops the preview with the result", async () => {
    const gate = Promise.withResolvers<string>();
    const fetching = fetch(chunk, { add: () => gate.promise });
    await new Promise((resolve) => setImmediate(resolve));
    expect(run.told).toEqual([]);
    gate.resolve("preview.png");
    await fetching;
    expect(run.events).toEqual([{ event: "preview", path: "preview.png" }]);
    expect(run.told).toHaveLength(1);
  });

  it("counts also when its preview cannot be shown", async () => {
    await fetch(chunk, { add: () => Promise.reject(new Error("no codec")) });
    expect([run.events, run.told.length, run.failures]).toEqual([[], 1, []]);
  });

  it("has no preview if the engine returns final files", async () => {
    await fetch(wholeFrame);
    expect([shown, run.told.length]).toEqual([[], 1]);
  });
});

describe("a result that is not fetched", () => {
  it("is ignored when it was withdrawn meanwhile", async () => {
    await fetch(chunk, { take: async () => undefined });
    expect([run.told, run.failures]).toEqual([[], []]);
  });

  it("is rejected with its code when the donor is at fault", async () => {
    await fetch(chunk, { take: () => Promise.reject(new FarmError("RESULT_INVALID", "two pictures")) });
    expect(run.told).toEqual([{ type: "result-refused", chunk: "c0", donor: "a", code: "RESULT_INVALID" }]);
    expect(run.events).toContainEqual({ event: "chunk-failed", chunk: "c0", donor: "a", code: "RESULT_INVALID", message: "two pictures" });
  });

  it("ends the run, without a failure of the donor, when this machine is at fault", async () => {
    const full = new FarmError("DISK_FULL", "no space");
    await fetch(chunk, { take: () => Promise.reject(full) });
    expect([run.told, run.failures]).toEqual([[], [full]]);
  });

  it("is no failure when the run has ended meanwhile", async () => {
    const take = async () => {
      run.end();
      throw new FarmError("PEER_UNREACHABLE", "cut");
    };
    await fetch(chunk, { take });
    expect([run.told, run.failures, run.events.filter(({ event }) => event === "chunk-failed")]).toEqual([[], [], []]);
  });
});

import { beforeEach, expect, it } from "vitest";
import { foldJournal } from "../../core/journal/fold.ts";
import type { JobRecord } from "../../core/journal/records.ts";
import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { MemoryFiles } from "../../test/simulation/memory-files.ts";
import { Steps } from "../../test/simulation/steps.ts";
import type { FrameAssembler } from "../delivery/frame-assembler.ts";
import type { TilePublisher } from "../delivery/tile-publisher.ts";
import { ResultReceiver } from "./result-receiver.ts";
import { restoreResults } from "./restore-results.ts";

const { signal } = new AbortController();
const plan = planOf({ costs: [1, 1, 1] });
const file = (sha256: string, role: ResultFile["role"] = "raw"): ResultFile => ({ role, name: "f", sha256, bytes: 4 });
const accepted = (chunk: string, files: readonly ResultFile[]): JobRecord => ({
  type: "chunk-accepted",
  chunk,
  donor: "a",
  files,
  sha256: "",
  checked: false,
});

let files: MemoryFiles;
let results: ResultReceiver;
let checked: string[];
let placed: string[];
let shown: string[];
beforeEach(() => {
  [files, checked, placed, shown] = [new MemoryFiles(new Steps()), [], [], []];
  const media = { check: () => Promise.reject(new Error("nothing is fetched")) };
  results = new ResultReceiver({ files, media, trustedSummary: () => Promise.reject(new Error("no sample")) }, { verifies: true });
  for (const [chunk, hash] of [
    ["c0", "a0"],
    ["c1", "a1"],
    ["c2", "a2"],
  ] as const)
    files.write(files.resultPath(chunk, "a", hash), "data");
});

async function restore(records: readonly JobRecord[], of = plan): Promise<void> {
  const check = async (path: string) => {
    checked.push(path);
    return { channels: ["R"], attributes: {}, nonFinite: 0 };
  };
  const assembly = { add: async (chunk: string) => void placed.push(chunk) } as unknown as FrameAssembler;
  const tiles = { show: async ({ id }: Chunk) => void shown.push(id) } as unknown as TilePublisher;
  await restoreResults({ media: { check }, files, results, assembly, tiles }, { plan: of, journalState: foldJournal(records) }, signal);
}

it("pastes accepted results of unfinished frames again, and removes other files", async () => {
  await restore([accepted("c1", [file("a1")])]);
  expect([placed, shown]).toEqual([["c1"], ["c1"]]);
  expect(results.files("c1", "a")).toEqual([file("a1")]);
  expect(files.below("results")).toEqual([files.resultPath("c1", "a", "a1")]);
});

it("leaves out results whose frames are finished", async () => {
  await restore([accepted("c0", [file("a0")]), accepted("c1", [file("a1")]), { type: "frame-finished", frame: 0, files: [] }]);
  expect(placed).toEqual(["c1"]);
  expect(files.below("results")).toHaveLength(1);
});

it("reads once the channels of the scene's raw frames", async () => {
  await restore([accepted("c0", [file("a0")]), accepted("c1", [file("a1")])]);
  expect(checked).toEqual([files.resultPath("c0", "a", "a0")]);
  expect(await results.summaryOf({ scene: "Scene", denoise: "none" })).toMatchObject({ channels: ["R"] });
});

it("reads no channels from final files, and skips a chunk that is not in the plan", async () => {
  const whole = planOf({ costs: [1, 1, 1], kind: "files" });
  await restore([accepted("c0", [file("a0", "output")]), accepted("c9", [file("a9")])], whole);
  expect([checked, placed]).toEqual([[], ["c0"]]);
});

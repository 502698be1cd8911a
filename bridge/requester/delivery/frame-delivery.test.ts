import { TILES_AS_THEY_ARE } from "../fixtures/tiles-as-they-are.ts";
import { beforeEach, describe, expect, it } from "vitest";
import type { JobRecord } from "../../core/journal/records.ts";
import { type Ledger, startLedger } from "../../core/ledger/ledger.ts";
import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { planOf } from "../../core/schedule/fixtures/plan-of.ts";
import { FarmError } from "../../kernel/errors.ts";
import { type ObservedRun, observedRun } from "../fixtures/observed-run.ts";
import { FrameAssembler } from "./frame-assembler.ts";
import { FrameDelivery } from "./frame-delivery.ts";
import type { TilePublisher } from "./tile-publisher.ts";

const FILE: ResultFile = { role: "raw", name: "f.exr", sha256: "ab", bytes: 1 };
const SUMMARY = { channels: ["R"], attributes: {}, nonFinite: 0 };
const nothing = async () => {};

let run: ObservedRun;
let ledger: Ledger;
let records: JobRecord[];
/** What the finishing Blender does with each frame. */
let finish: (frame: number) => Promise<void>;
let isDropped: boolean;
let dropped: string[];

/** Deliveries of a job of so many frames, a chunk each. */
function delivery({ frames = 3, inTurn = false, deliver = "files" as "files" | "raw" } = {}): FrameDelivery {
  const plan = planOf({ costs: Array.from({ length: frames }, () => 1) });
  run = observedRun(plan.chunks);
  ledger = startLedger({ plan, inTurn });
  const finisher = {
    finishFrame: async (frame: number) => {
      await finish(frame);
      return [{ path: `out/${frame}.png`, bytes: 10, main: true }];
    },
    finishMovie: () => Promise.reject(new Error("no movie")),
  };
  const assembly = new FrameAssembler(
    {
      media: { createAssembled: nothing, paste: nothing },
      files: {
        resultPath: () => "result",
        tiledPath: (path) => path,
        remove: nothing,
        deliver: () => Promise.reject(new Error("no final files")),
      },
      assembledPath: ({ frame }) => `assembled/${frame}`,
      completion: TILES_AS_THEY_ARE,
      finisher,
      summaryOf: async () => SUMMARY,
      drop: nothing,
    },
    { plan, outputFolder: "out", movie: undefined, deliver },
    [],
  );
  const tiles = { show: nothing, drop: async (chunks: readonly string[]) => void dropped.push(...chunks) } as unknown as TilePublisher;
  const receiver = {
    use: async <T>(_chunk: string, _donor: string, work: (files: readonly ResultFile[]) => Promise<T>) =>
      isDropped ? undefined : await work([FILE]),
  };
  const append = async (added: readonly JobRecord[]) => void records.push(...added);
  const accepted = { isSafe: () => true, claim: () => true };
  return new FrameDelivery({ assembly, tiles, receiver, append, ledger, accepted }, run.context);
}

beforeEach(() => {
  [records, finish, isDropped, dropped] = [[], async () => {}, false, []];
});

const chunk = (id: string) => run.context.chunks.get(id) as Chunk;
const stateOf = (frame: number) => ledger.frames.get(frame)?.at;
const kinds = () => run.events.map(({ event }) => event);
const cannot = (frame: number) => Promise.reject(new FarmError("FINISHING_FAILED", `frame ${frame} cannot be finished`));

describe("an accepted result", () => {
  it("finishes its frame: recorded in the journal first, then in the ledger, then as an event", async () => {
    const made = delivery();
    await made.accept(chunk("c1"), "a");
    expect(records).toEqual([{ type: "frame-finished", frame: 1, files: [{ path: "out/1.png", bytes: 10 }] }]);
    expect([stateOf(0), stateOf(1)]).toEqual(["waiting", "written"]);
    expect(kinds()).toEqual(["chunk-accepted", "frame-finished"]);
    expect(run.events[0]).toMatchObject({ done: 1, total: 3 });
    expect(dropped).toEqual(["c1"]);
  });

  it("is ignored when it was revoked meanwhile", async () => {
    const made = delivery();
    isDropped = true;
    await made.accept(chunk("c1"), "a");
    expect([kinds(), stateOf(1)]).toEqual([[], "waiting"]);
  });

  it("delivers raw frames by their paths, without a finishing Blender", async () => {
    const made = delivery({ deliver: "raw" });
    finish = () => Promise.reject(new Error("nothing is finished here"));
    await made.accept(chunk("c0"), "a");
    expect(run.events).toContainEqual(
      expect.objectContaining({ event: "frame-raw", frame: 0, pictures: [expect.objectContaining({ path: "assembled/0" })] }),
    );
    expect(stateOf(0)).toBe("written");
  });
});

it("a revoked result is removed, with its published tile", async () => {
  const made = delivery();
  await made.revoke(chunk("c1"));
  expect(run.events).toMatchObject([{ event: "chunk-revoked", chunk: "c1" }]);
  expect(dropped).toEqual(["c1"]);
});

describe("a chunk that is given up", () => {
  it("loses its frame, with the reason of the last failure", async () => {
    const made = delivery();
    run.context.report.stats.failed("c2", "out of memory");
    await made.giveUp("c2", "BLENDER_CRASHED");
    expect(ledger.frames.get(2)).toEqual({ at: "lost", lack: { code: "BLENDER_CRASHED", message: "out of memory" } });
    expect(run.events).toEqual([{ event: "chunk-dead", chunk: "c2", code: "BLENDER_CRASHED", message: "out of memory" }]);
  });

  it("has the advice of its error code when there was no reason", async () => {
    const made = delivery();
    await made.giveUp("c2", "BLENDER_CRASHED");
    expect(ledger.frames.get(2)).toMatchObject({ lack: { message: expect.stringMatching(/\w{5}/) } });
  });

  it("does not block frames that come after it in order", async () => {
    const made = delivery({ inTurn: true });
    await made.accept(chunk("c1"), "a");
    expect(stateOf(1)).toBe("waiting");
    await made.giveUp("c0", "BLENDER_CRASHED");
    expect([stateOf(0), stateOf(1)]).toEqual(["lost", "written"]);
  });
});

describe("a frame that Blender cannot finish", () => {
  it("is lost, and the others go on", async () => {
    const made = delivery();
    finish = async (frame) => (frame === 1 ? await cannot(frame) : undefined);
    for (const id of ["c0", "c1", "c2"]) await made.accept(chunk(id), "a");
    expect([0, 1, 2].map(stateOf)).toEqual(["written", "lost", "written"]);
    expect(run.events).toContainEqual({ event: "frame-lost", frame: 1, code: "FINISHING_FAILED", message: "frame 1 cannot be finished" });
    expect(run.failures).toEqual([]);
  });

  it("ends the job when it is the third of three: then finishing does not work at all", async () => {
    const made = delivery({ frames: 5 });
    finish = cannot;
    for (const id of ["c0", "c1"]) await made.accept(chunk(id), "a");
    expect(run.failures).toEqual([]);
    await made.accept(chunk("c2"), "a");
    expect(run.failures).toMatchObject([{ code: "FINISHING_FAILED" }]);
  });

  it("ends the job when it is the only one", async () => {
    const made = delivery({ frames: 1 });
    finish = cannot;
    await made.accept(chunk("c0"), "a");
    expect(run.failures).toMatchObject([{ code: "FINISHING_FAILED" }]);
  });

  it("never ends a job of which a frame is written", async () => {
    const made = delivery({ frames: 6 });
    await made.accept(chunk("c0"), "a");
    finish = cannot;
    for (const id of ["c1", "c2", "c3", "c4", "c5"]) await made.accept(chunk(id), "a");
    expect(run.failures).toEqual([]);
  });

  it("ends the job when it is anything but this frame", async () => {
    const made = delivery();
    const full = new FarmError("DISK_FULL", "no space");
    finish = () => Promise.reject(full);
    await made.accept(chunk("c0"), "a");
    expect([run.failures, stateOf(0)]).toEqual([[full], "finishing"]);
  });

  it("is no failure after the run has ended", async () => {
    const made = delivery();
    finish = async (frame) => {
      run.end();
      await cannot(frame);
    };
    await made.accept(chunk("c0"), "a");
    expect([run.failures, stateOf(0)]).toEqual([[], "finishing"]);
  });
});

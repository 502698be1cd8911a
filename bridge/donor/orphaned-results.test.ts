import { describe, expect, it } from "vitest";
import { FarmError } from "../kernel/errors.ts";
import { donorOf, opening, requesterOf, RESULT, slowRender, spec } from "./fixtures/served.ts";
import { type ChunkResult, KEEP_LIMITS, OrphanedResults } from "./orphaned-results.ts";

/** Time that only the test moves. */
function manualClock() {
  let nowMs = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const sleeper = { at: nowMs + ms, wake: resolve };
      sleepers.add(sleeper);
      const end = () => {
        sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted) end();
      signal?.addEventListener("abort", end, { once: true });
    });
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  const pass = async (ms: number) => {
    nowMs += ms;
    for (const sleeper of sleepers) {
      if (sleeper.at > nowMs) continue;
      sleepers.delete(sleeper);
      sleeper.wake();
    }
    await settle();
  };
  return { clock: { now: () => nowMs, monotonicMs: () => nowMs, sleep }, pass, settle };
}

describe("a requester that vanishes", () => {
  it("finds the chunk that was begun when it comes back, and does not have it rendered twice", async () => {
    const slow = slowRender();
    const donor = donorOf({ render: slow.render });
    const first = requesterOf(donor.deps);
    await first.say(opening);
    await first.say({ type: "lease", lease: "1", spec });
    await first.hear("started");
    first.vanish();
    const second = requesterOf(donor.deps);
    await second.say(opening);
    // The same chunk, its fields in another order.
    await second.say({ type: "lease", lease: "7", spec: Object.fromEntries(Object.entries(spec).toReversed()) as typeof spec });
    await second.hear("started");
    slow.finishOne();
    expect(await second.hear("rendered")).toMatchObject({ lease: "7", files: [{ sha256: RESULT }] });
    expect(slow.begun).toBe(0);
    await first.ended;
    expect(donor.dropped).toEqual([]);
    await second.say({ type: "release", lease: "7" });
    await second.hangUp();
    await second.ended;
    expect(donor.dropped).toEqual([RESULT]);
  });

  it("finds it also when its old stream seems alive", async () => {
    const slow = slowRender();
    const donor = donorOf({ render: slow.render });
    const first = requesterOf(donor.deps);
    await first.say(opening);
    await first.say({ type: "lease", lease: "1", spec });
    await first.hear("started");
    const second = requesterOf(donor.deps);
    await second.say(opening);
    await second.say({ type: "lease", lease: "1", spec });
    await second.hear("started");
    slow.finishOne();
    await second.hear("rendered");
    expect(donor.open.size).toBe(1);
    expect(donor.events.filter(({ event }) => event === "chunk-started")).toHaveLength(1);
    await second.hangUp();
    await Promise.all([first.ended, second.ended]);
  });

  it("finds a chunk that was done and not yet fetched", async () => {
    const donor = donorOf();
    const first = requesterOf(donor.deps);
    await first.say(opening);
    await first.say({ type: "lease", lease: "1", spec });
    await first.hear("rendered");
    first.vanish();
    await first.ended;
    expect(donor.kept.size).toBe(1);
    const second = requesterOf(donor.deps);
    await second.say(opening);
    await second.say({ type: "lease", lease: "1", spec });
    await second.hear("rendered");
    expect(donor.events.filter(({ event }) => event === "chunk-started")).toHaveLength(1);
    await second.hangUp();
    await second.ended;
  });

  it("is the only one who finds it", async () => {
    const donor = donorOf();
    const first = requesterOf(donor.deps);
    await first.say(opening);
    await first.say({ type: "lease", lease: "1", spec });
    await first.hear("rendered");
    first.vanish();
    await first.ended;
    const other = requesterOf(donor.deps, "somebody else");
    await other.say(opening);
    await other.say({ type: "lease", lease: "1", spec });
    await other.hear("rendered");
    expect(donor.events.filter(({ event }) => event === "chunk-started")).toHaveLength(2);
    await other.hangUp();
    await other.ended;
  });

  it("has nothing begun in its name any more: what only waited is dropped", async () => {
    const slow = slowRender();
    const donor = donorOf({ render: slow.render });
    const first = requesterOf(donor.deps);
    await first.say(opening);
    await first.say({ type: "lease", lease: "1", spec });
    await first.hear("started");
    await first.say({ type: "lease", lease: "2", spec: { ...spec, frame: 2 } });
    first.vanish();
    await new Promise((resolve) => setTimeout(resolve, 20));
    slow.finishOne();
    await first.ended;
    expect(donor.events.filter(({ event }) => event === "chunk-started")).toHaveLength(1);
    expect(donor.released).toEqual(["scene"]);
  });

  it.each([
    ["fifteen minutes", 1, KEEP_LIMITS.keepMs],
    ["two hours, for a chunk that took long", 301, KEEP_LIMITS.keepLongMs],
  ])("and stays away has its results kept for %s, then wiped", async (_, renderSeconds, keptMs) => {
    const { clock, pass, settle } = manualClock();
    const donor = donorOf({ clock, render: async () => ({ raw: "/f.exr", outputs: [], renderSeconds, peakMemoryBytes: 1 }) });
    const job = requesterOf(donor.deps);
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("rendered");
    job.vanish();
    await job.ended;
    await settle();
    await pass(keptMs - 1);
    expect(donor.dropped).toEqual([]);
    await pass(1);
    expect(donor.dropped).toEqual([RESULT]);
    expect(donor.kept.size).toBe(0);
  });

  it("and stays away gives its slot to somebody who is here and waits for it, but not at once", async () => {
    const { clock, pass, settle } = manualClock();
    const slow = slowRender();
    const donor = donorOf({ clock, render: slow.render });
    const gone = requesterOf(donor.deps);
    await gone.say(opening);
    await gone.say({ type: "lease", lease: "1", spec });
    await gone.hear("started");
    gone.vanish();
    await settle();
    const here = requesterOf(donor.deps, "somebody else");
    await here.say({ ...opening, job: "j2" });
    await here.say({ type: "lease", lease: "1", spec });
    await here.hear("opened");
    await settle();
    await pass(KEEP_LIMITS.yieldMs - KEEP_LIMITS.lookMs);
    expect(slow.aborted).toEqual([]);
    await pass(2 * KEEP_LIMITS.lookMs);
    await here.hear("started");
    expect(slow.aborted).toHaveLength(1);
    await here.hangUp();
    await Promise.all([gone.ended, here.ended]);
  });

  it("and stays away does not keep a Blender busy without end", async () => {
    const { clock, pass, settle } = manualClock();
    const slow = slowRender();
    const donor = donorOf({ clock, render: slow.render });
    const job = requesterOf(donor.deps);
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("started");
    job.vanish();
    await settle();
    await pass(KEEP_LIMITS.finishMs - 1);
    expect(slow.aborted).toEqual([]);
    await pass(1);
    expect(slow.aborted).toHaveLength(1);
    await job.ended;
    expect(donor.released).toEqual(["scene"]);
  });

  it("has nothing left here when the donor stops", async () => {
    const donor = donorOf();
    const job = requesterOf(donor.deps);
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("rendered");
    job.vanish();
    await job.ended;
    await donor.kept[Symbol.asyncDispose]();
    expect(donor.dropped).toEqual([RESULT]);
  });

  it("makes room for others where the disk is full", async () => {
    const donor = donorOf();
    const first = requesterOf(donor.deps);
    await first.say(opening);
    await first.say({ type: "lease", lease: "1", spec });
    await first.hear("rendered");
    first.vanish();
    await first.ended;
    const keep = donor.deps.store.keepResult;
    const full: typeof keep = async (path, peer) => {
      if (donor.dropped.length === 0) throw new FarmError("DISK_FULL", "full");
      return await keep(path, peer);
    };
    const second = requesterOf({ ...donor.deps, store: { ...donor.deps.store, keepResult: full } }, "another");
    await second.say(opening);
    await second.say({ type: "lease", lease: "1", spec });
    expect(await second.hear("rendered")).toMatchObject({ lease: "1" });
    expect(donor.kept.size).toBe(0);
    await second.hangUp();
    await second.ended;
  });
});

it("no more results are kept than a donor can afford: the oldest goes for the newest", async () => {
  const { clock, settle } = manualClock();
  const dropped: string[] = [];
  const store = { dropResult: async (sha256: string) => void dropped.push(sha256) };
  await using kept = new OrphanedResults({ store, clock, isSlotWanted: () => false });
  const chunk = (frame: number) => ({ peer: "anna", job: "j1", spec: { ...spec, frame } });
  for (let frame = 0; frame <= KEEP_LIMITS.maxKept; frame++) {
    const file = { role: "raw", name: "f.exr", sha256: `result ${frame}`, bytes: 5 } as const;
    const result: ChunkResult = { files: [file], seconds: 1, peakMemoryBytes: 1 };
    kept.keep(chunk(frame), { result: Promise.resolve(result), cancel: () => {} });
  }
  await settle();
  expect(kept.size).toBe(KEEP_LIMITS.maxKept);
  expect(dropped).toEqual(["result 0"]);
  expect(kept.take(chunk(0))).toBeUndefined();
  expect(kept.take(chunk(KEEP_LIMITS.maxKept))).toBeDefined();
});

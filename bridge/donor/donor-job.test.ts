import { describe, expect, it } from "vitest";
import type { ChunkSpec } from "../core/plan/chunk.ts";
import { FarmError } from "../kernel/errors.ts";
import { silentLog } from "../kernel/log.ts";
import { LEASE_LIMITS } from "../protocols/lease/messages.ts";
import { donorOf, opening, requesterOf, RESULT, slowRender, spec } from "./fixtures/served.ts";
import type { ScenesAndResults, ChunkFiles, WarmSession } from "./ports.ts";
import type { ServeJobDeps } from "./serve-job-deps.ts";

type Donor = ReturnType<typeof donorOf>;

/** A job that is open at such a donor. */
async function openAt({ deps }: Donor, change: Partial<Omit<ServeJobDeps, "store">> & { store?: Partial<ScenesAndResults> } = {}) {
  const requester = requesterOf({ ...deps, ...change, store: { ...deps.store, ...change.store } });
  await requester.say(opening);
  await requester.hear("opened");
  const lease = (name: string, of: ChunkSpec = spec) => requester.say({ type: "lease", lease: name, spec: of });
  const leave = async () => {
    await requester.hangUp();
    await requester.ended;
  };
  return { ...requester, lease, leave };
}

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

/** A sleep that time does not end. */
function untilAborted(_ms: number, end?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => end?.addEventListener("abort", () => reject(end.reason as Error), { once: true }));
}

const rendering = (files: Partial<ChunkFiles>): WarmSession["render"] => {
  return async () => ({ outputs: [], renderSeconds: 1, peakMemoryBytes: 7, ...files });
};

describe("messages of a job's requester", () => {
  it("are accepted in any order: unknown leases and repeated messages change nothing [L6, L7, L8]", async () => {
    const donor = donorOf();
    const job = await openAt(donor);
    await job.say({ type: "heartbeat" });
    await job.say({ type: "release", lease: "never given" });
    await job.say({ type: "withdraw", lease: "never given" });
    await job.lease("1");
    expect(await job.hear("rendered")).toMatchObject({ lease: "1" });
    await job.leave();
    expect(donor.dropped).toEqual([RESULT]);
  });

  it("name other donors of the job as sources of the scene, after the requester", async () => {
    const asked: string[][] = [];
    const fetchScene: ScenesAndResults["fetchScene"] = async ({ sources }) => {
      const look = () => asked.push(sources().map(({ id }) => id));
      look();
      while (sources().length < 2) await settle();
      look();
      return { key: "scene", path: "/scene.blend", remap: {} };
    };
    const job = await openAt(donorOf(), { store: { fetchScene } });
    await job.say({ type: "sources", peers: [{ id: "ben", addrs: [] }] });
    await job.hear("state");
    expect(asked).toEqual([["requester"], ["requester", "ben"]]);
    await job.leave();
  });

  it("cannot grant more leases than the limit [L4]", async () => {
    const donor = donorOf({ render: slowRender().render });
    const job = await openAt(donor);
    for (let count = 0; count <= LEASE_LIMITS.maxLeasesInFlight; count++) await job.lease(`${count}`, { ...spec, frame: count });
    await expect(job.ended).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
    expect(donor.released).toEqual(["scene"]); // nothing of the job is left
    expect(donor.kept.size).toBe(0);
  });
});

describe("a chunk", () => {
  it("that is rendered although it was withdrawn is not committed to, and its result is dropped [L6]", async () => {
    const slow = slowRender();
    const stubborn: WarmSession["render"] = (of) => slow.render(of, new AbortController().signal);
    const donor = donorOf({ render: stubborn });
    const job = await openAt(donor);
    await job.lease("1");
    await job.hear("started");
    await job.say({ type: "withdraw", lease: "1" });
    await job.say({ type: "heartbeat" });
    await settle();
    slow.finishOne();
    expect(await job.hear("failed")).toMatchObject({ lease: "1", code: "CANCELLED", message: "the lease was withdrawn" });
    await job.leave();
    expect(donor.dropped).toEqual([RESULT]);
  });

  it("that fails without a known code is BLENDER_SCRIPT_FAILED, with a message within the limit", async () => {
    const donor = donorOf({ render: () => Promise.reject(new Error("x".repeat(5_000))) });
    const job = await openAt(donor);
    await job.lease("1");
    const failed = await job.hear("failed");
    expect(failed).toMatchObject({ lease: "1", code: "BLENDER_SCRIPT_FAILED", message: "x".repeat(2_000) });
    expect(donor.events).toContainEqual({ event: "chunk-failed", job: "j1", lease: "1", code: "BLENDER_SCRIPT_FAILED" });
    await job.leave();
  });

  it("fails when its scene cannot be fetched, and so does every later one", async () => {
    const fetchScene = () => Promise.reject(new FarmError("BLOCK_MISSING", "nobody has it"));
    const donor = donorOf();
    const job = await openAt(donor, { store: { fetchScene } });
    await job.lease("1");
    expect(await job.hear("failed")).toMatchObject({ lease: "1", code: "BLOCK_MISSING" });
    await job.lease("2");
    expect(await job.hear("failed")).toMatchObject({ lease: "2", code: "BLOCK_MISSING" });
    await job.leave();
    expect(donor.released).toEqual([]); // there is none
  });

  it("commits to its final files first, then its preview, each by its own name [L5]", async () => {
    const donor = donorOf({ render: rendering({ outputs: ["/out/0001.png", "/out/0001_R.png"], preview: "/tmp/p.jpg" }) });
    const job = await openAt(donor);
    await job.lease("1");
    expect(await job.hear("rendered")).toMatchObject({
      files: [
        { role: "output", name: "0001.png" },
        { role: "output", name: "0001_R.png" },
        { role: "preview", name: "p.jpg" },
      ],
    });
    expect(donor.shown.size).toBe(0); // its requester has not allowed that [L15]
    expect(donor.events).toContainEqual({ event: "chunk-rendered", job: "j1", lease: "1", spec, seconds: 1, bytes: 15 });
    await job.leave();
  });

  it("is kept completely or not at all: when one file does not fit, those before it are dropped", async () => {
    const donor = donorOf({ render: rendering({ raw: "/f.exr", preview: "/p.jpg" }) });
    const keepResult: ScenesAndResults["keepResult"] = async (path) => {
      if (path === "/p.jpg") throw new FarmError("DISK_FULL", "full");
      return { sha256: RESULT, bytes: 5 };
    };
    const job = await openAt(donor, { store: { keepResult } });
    await job.lease("1");
    expect(await job.hear("failed")).toMatchObject({ lease: "1", code: "DISK_FULL" });
    expect(donor.dropped).toEqual([RESULT]);
    await job.leave();
    expect(donor.dropped).toEqual([RESULT]);
  });

  it("that cannot be kept for a reason other than disk space does not evict others' results", async () => {
    const donor = donorOf();
    const gone = await openAt(donor);
    await gone.lease("1");
    await gone.hear("rendered");
    gone.vanish();
    await gone.ended;
    const keepResult = () => Promise.reject(new FarmError("BLENDER_CRASHED", "its file is not there"));
    const job = await openAt(donor, { store: { keepResult } });
    await job.lease("1", { ...spec, frame: 2 });
    expect(await job.hear("failed")).toMatchObject({ code: "BLENDER_CRASHED" });
    expect(donor.kept.size).toBe(1);
    await job.leave();
    await donor.kept[Symbol.asyncDispose]();
  });

  it("whose result cannot be dropped does not keep its job from ending", async () => {
    const donor = donorOf();
    const dropResult = () => Promise.reject(new Error("the disk has gone"));
    const warned: unknown[] = [];
    const log = { ...silentLog, warn: (facts: object) => void warned.push(facts) };
    const job = await openAt(donor, { log, store: { dropResult } });
    await job.lease("1");
    await job.hear("rendered");
    await job.leave();
    expect(donor.released).toEqual(["scene"]);
    expect(warned).toMatchObject([{ error: { message: "the disk has gone" } }]);
  });
});

describe("the transfer of a scene", () => {
  it("is reported at intervals, not for every block, and always at the end", async () => {
    let nowMs = 1_000;
    const clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: untilAborted };
    const fetchScene: ScenesAndResults["fetchScene"] = async (_request, _end, onProgress) => {
      for (const [ms, done] of [
        [1_000, 1],
        [1_100, 2],
        [1_249, 3],
        [1_250, 4],
        [1_260, 10],
      ] as const) {
        nowMs = ms;
        onProgress(done, 10);
      }
      return { key: "scene", path: "/scene.blend", remap: {} };
    };
    const donor = donorOf();
    const job = await openAt(donor, { clock, store: { fetchScene } });
    const heard: unknown[] = [];
    for (let count = 0; count < 4; count++) {
      const { type: _, ...state } = await job.hear("state");
      heard.push(state);
    }
    expect(heard).toEqual([
      { phase: "fetching", bytesDone: 1, bytesTotal: 10 },
      { phase: "fetching", bytesDone: 4, bytesTotal: 10 },
      { phase: "fetching", bytesDone: 10, bytesTotal: 10 },
      { phase: "ready", bytesDone: 0, bytesTotal: 0 },
    ]);
    await job.leave();
  });
});

describe("a donor that is silent", () => {
  it("sends heartbeats to its requester [L8]", async () => {
    let nowMs = 0;
    const wake: (() => void)[] = [];
    const clock = {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: (ms: number, end?: AbortSignal) => {
        const beat = new Promise<void>((resolve) => (ms === LEASE_LIMITS.heartbeatMs ? wake.push(resolve) : undefined));
        return Promise.race([beat, untilAborted(ms, end)]);
      },
    };
    const job = await openAt(donorOf(), { clock });
    for (let beat = 0; beat < 2; beat++) {
      nowMs += LEASE_LIMITS.heartbeatMs;
      wake.shift()?.();
      expect(await job.hear("heartbeat")).toEqual({ type: "heartbeat" });
    }
    await job.leave();
    expect(wake).toHaveLength(1); // the last one ended with the talk
  });
});

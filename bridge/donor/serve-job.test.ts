import { describe, expect, it } from "vitest";
import type { AdmissionTerms } from "../core/admission.ts";
import { DEFAULT_TERMS } from "../core/terms/terms.ts";
import { FarmError } from "../kernel/errors.ts";
import { build, donorOf, opening, requesterOf, RESULT, slowRender, spec, terms } from "./fixtures/served.ts";
import { ORPHAN_RETENTION } from "./orphaned-results.ts";
import type { WarmSession } from "./ports.ts";

/** One job of a donor whose Blender does what `render` says. */
function served(options: { render?: WarmSession["render"]; terms?: AdmissionTerms } = {}) {
  const donor = donorOf(options.render ? { render: options.render } : {});
  return { ...donor, ...requesterOf({ ...donor.deps, terms: () => options.terms ?? terms }) };
}

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

describe("a donor's side of a job", () => {
  it("opens, renders a lease, commits to its hash, and drops the result on request [L1, L5, L7]", async () => {
    const job = served();
    await job.say(opening);
    expect(await job.hear("opened")).toMatchObject({ slots: 1, deviceClass: build });
    await job.say({ type: "lease", lease: "1", spec });
    expect(await job.hear("rendered")).toMatchObject({
      lease: "1",
      files: [{ role: "raw", name: "f.exr", sha256: RESULT, bytes: 5 }],
    });
    await job.say({ type: "release", lease: "1" });
    await job.hangUp();
    await job.ended;
    expect(job.dropped).toEqual([RESULT]);
  });

  it("shows its owner a preview if the requester allows it, until the job is closed [L15]", async () => {
    const { deps, shown } = donorOf({
      render: async () => ({ raw: "/f.exr", preview: "/p.jpg", outputs: [], renderSeconds: 1, peakMemoryBytes: 7 }),
    });
    for (const allowPreview of [false, true]) {
      const job = requesterOf(deps);
      await job.say({ ...opening, allowPreview });
      await job.say({ type: "lease", lease: "1", spec });
      await job.hear("rendered");
      expect([...shown]).toEqual(allowPreview ? [["j1", "/p.jpg"]] : []);
      await job.hangUp();
      await job.ended;
      expect([...shown]).toEqual([]);
    }
  });

  it("reports the device class of a result when it differs from the announced one [L14]", async () => {
    const deviceClass = { ...build, arch: "sse42" };
    const { deps } = donorOf({
      render: async () => ({ raw: "/f.exr", outputs: [], renderSeconds: 1, peakMemoryBytes: 7, deviceClass }),
    });
    const job = requesterOf(deps);
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    expect(await job.hear("rendered")).toMatchObject({ deviceClass });
    await job.hangUp();
  });

  it("refuses another build with a refusal, not an error [L1, L2]", async () => {
    const job = served({ terms: { ...terms, builds: [{ ...build, buildHash: "other" }] } });
    await job.say(opening);
    expect(await job.hear("refused")).toEqual({
      type: "refused",
      reason: "no-matching-blender",
      message: "it has Blender 4.3.2 (other), and the job needs 4.3.2 (abc)",
    });
    await job.ended;
  });

  it("ends when no message arrives: nothing is opened, refused or observed", async () => {
    const job = served();
    await job.hangUp();
    await job.ended;
    expect([job.events, job.open.size]).toEqual([[], 0]);
  });

  it("refuses an environment that its owner has not allowed yet, and asks the owner [L13]", async () => {
    const environment = "e".repeat(64);
    const environments = { here: new Set<string>(), refused: new Map<string, string>(), arch: "avx2" };
    const job = served({ terms: { ...terms, environments, who: { ...DEFAULT_TERMS, environments: ["ask"] } } });
    await job.say({ ...opening, needs: { environment } });
    expect(await job.hear("refused")).toMatchObject({ reason: "environment-asked" });
    await job.ended;
    expect(job.events).toMatchObject([{ event: "job-refused", job: "j1", requester: "requester", asks: environment }]);
  });

  it("accepts a job in the environment that it names, and opens the scene in it [L13]", async () => {
    const environment = "e".repeat(64);
    const here = { here: new Set([environment]), refused: new Map<string, string>(), arch: "sse42" };
    const inside = { image: "i", blender: { path: "/b", version: "4.3.2", buildHash: "abc" } };
    const brought: string[] = [];
    const bring = async ({ digest }: { readonly digest: string }) => {
      brought.push(digest);
      return inside;
    };
    const donor = donorOf();
    const who = { ...DEFAULT_TERMS, environments: ["any"] };
    const environments = { now: () => here, bring };
    const job = requesterOf({ ...donor.deps, environments, terms: () => ({ ...terms, environments: here, who }) });
    await job.say({ ...opening, needs: { environment } });
    expect(await job.hear("opened")).toMatchObject({ deviceClass: { backend: "CPU", arch: "sse42" } });
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("rendered");
    expect(brought).toEqual([environment]);
    await job.hangUp();
    await job.ended;
  });

  it("reports a refusal to its owner as to the requester, without an environment request", async () => {
    const environment = "e".repeat(64);
    const environments = { here: new Set([environment]), refused: new Map<string, string>(), arch: "avx2" };
    const job = served({ terms: { ...terms, environments, who: { ...DEFAULT_TERMS, environments: ["any"] } } });
    await job.say({ ...opening, needs: { sceneBytes: 2 ** 40, environment } });
    const refused = await job.hear("refused");
    await job.ended;
    const [event] = job.events;
    expect(refused).toMatchObject({ reason: "no-space" });
    expect(event).toMatchObject({ event: "job-refused", reason: "message" in refused ? refused.message : "" });
    expect(event).not.toHaveProperty("asks");
  });

  it("ends a stream that does not begin with open [L1]", async () => {
    const job = served();
    await job.say({ type: "heartbeat" });
    await expect(job.ended).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("ends a stream on which one lease is granted twice [L4]", async () => {
    const job = served({
      render: (_, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.say({ type: "lease", lease: "1", spec });
    await expect(job.ended).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("answers a withdrawn lease with CANCELLED, and continues with others [L6]", async () => {
    let calls = 0;
    const render: WarmSession["render"] = (_, signal) => {
      if (calls++ > 0) return Promise.resolve({ raw: "/f.exr", outputs: [], renderSeconds: 1, peakMemoryBytes: 1 });
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    };
    const job = served({ render });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("started");
    await job.say({ type: "withdraw", lease: "1" });
    expect(await job.hear("failed")).toMatchObject({ lease: "1", code: "CANCELLED" });
    await job.say({ type: "lease", lease: "2", spec });
    expect(await job.hear("rendered")).toMatchObject({ lease: "2" });
    await job.hangUp();
    await job.ended;
  });

  it("reports a crash by its code, and renders the next lease", async () => {
    let calls = 0;
    const render: WarmSession["render"] = async () => {
      if (calls++ === 0) throw new FarmError("BLENDER_CRASHED", "Blender ended unexpectedly");
      return { raw: "/f.exr", outputs: [], renderSeconds: 1, peakMemoryBytes: 1 };
    };
    const job = served({ render });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    expect(await job.hear("failed")).toMatchObject({ code: "BLENDER_CRASHED" });
    await job.say({ type: "lease", lease: "2", spec });
    expect(await job.hear("rendered")).toMatchObject({ lease: "2" });
    await job.hangUp();
    await job.ended;
  });
});

describe("a job that cannot fit", () => {
  it("is refused by the memory that this donor measured for the scene", async () => {
    const donor = donorOf();
    donor.peaks.set(opening.manifest, 2 ** 35);
    const job = requesterOf(donor.deps);
    await job.say({ ...opening, needs: { memoryBytes: 1 } });
    expect(await job.hear("refused")).toMatchObject({ reason: "no-memory", message: expect.stringContaining("32.0 GiB") });
  });

  it("is refused by the memory that the requester reports for it", async () => {
    const job = served();
    await job.say({ ...opening, needs: { sceneBytes: 2 ** 40 } });
    expect(await job.hear("refused")).toMatchObject({ reason: "no-space" });
  });

  it("the peak memory of each render is recorded", async () => {
    const job = served();
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("rendered");
    expect(job.peaks.get(opening.manifest)).toBe(7);
    await job.hangUp();
    await job.ended;
  });
});

describe("either side can end a job", () => {
  it("a requester that ends the job: its Blender is ended at once, nothing is kept", async () => {
    const slow = slowRender();
    const job = served({ render: slow.render });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("started");
    await job.hangUp();
    await job.ended;
    expect(slow.aborted).toHaveLength(1);
    expect(job.kept.size).toBe(0);
    expect(job.released).toEqual(["scene"]);
  });

  it("a requester that ends the job gets the answer only when nothing of its job runs any more", async () => {
    const stopped = Promise.withResolvers<void>();
    const render: WarmSession["render"] = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => void stopped.promise.then(() => reject(signal.reason as Error)));
      });
    const job = served({ render });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("started");
    await job.hangUp();
    let hasEnded = false;
    const end = job.hear("end").catch((error: unknown) => {
      hasEnded = true;
      return String(error);
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(hasEnded).toBe(false);
    stopped.resolve();
    expect(await end).toContain("the stream ended");
    await job.ended;
  });

  it("an owner that evicts the job: the requester gets the reason, the Blender is ended", async () => {
    const slow = slowRender();
    const job = served({ render: slow.render });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("started");
    const [open] = job.open;
    await open?.dismiss("its owner has evicted this job");
    expect(await job.hear("end")).toEqual({ type: "end", reason: "its owner has evicted this job" });
    await job.ended;
    expect(slow.aborted).toHaveLength(1);
    expect(job.open.size).toBe(0);
  });

  it("an owner that pauses: the requester gets the reason, and is told of the resume", async () => {
    const job = served();
    await job.say(opening);
    await job.hear("opened");
    const [open] = job.open;
    open?.notifyAvailability({ state: "paused", code: "in-use", reason: "somebody is using it" });
    open?.notifyAvailability({ state: "open" });
    expect(await job.hear("availability")).toEqual({
      type: "availability",
      availability: { state: "paused", reason: "somebody is using it" },
    });
    expect(await job.hear("availability")).toEqual({ type: "availability", availability: { state: "open" } });
    await job.hangUp();
    await job.ended;
  });

  it("a chunk that waits while the slots are paused ends when its requester leaves", async () => {
    const job = served();
    job.slots.pause();
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("state");
    await job.hangUp();
    await job.ended;
    expect(job.events.some(({ event }) => event === "chunk-started")).toBe(false);
  });
});

describe("a requester that vanishes", () => {
  it("gets the chunk that was begun when it comes back: it is not rendered twice", async () => {
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

  it("gets it also when its old stream seems alive", async () => {
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

  it("gets a chunk that was done and not yet fetched", async () => {
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

  it("is the only requester that gets it", async () => {
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

  it("has no further chunk started: waiting ones are dropped", async () => {
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
    ["fifteen minutes", 1, ORPHAN_RETENTION.keepMs],
    ["two hours, for a chunk that took long", 301, ORPHAN_RETENTION.keepLongMs],
  ])("and stays away: its results are kept for %s, then wiped", async (_, renderSeconds, keptMs) => {
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

  it("and stays away: its slot goes to a connected requester that waits, but not at once", async () => {
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
    await pass(ORPHAN_RETENTION.yieldMs - ORPHAN_RETENTION.lookMs);
    expect(slow.aborted).toEqual([]);
    await pass(2 * ORPHAN_RETENTION.lookMs);
    await here.hear("started");
    expect(slow.aborted).toHaveLength(1);
    await here.hangUp();
    await Promise.all([gone.ended, here.ended]);
  });

  it("and stays away: its Blender is ended after a limit", async () => {
    const { clock, pass, settle } = manualClock();
    const slow = slowRender();
    const donor = donorOf({ clock, render: slow.render });
    const job = requesterOf(donor.deps);
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.hear("started");
    job.vanish();
    await settle();
    await pass(ORPHAN_RETENTION.finishMs - 1);
    expect(slow.aborted).toEqual([]);
    await pass(1);
    expect(slow.aborted).toHaveLength(1);
    await job.ended;
    expect(donor.released).toEqual(["scene"]);
  });

  it("has no results left when the donor stops", async () => {
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

  it("its results are dropped when others need the disk", async () => {
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

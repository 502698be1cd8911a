import { describe, expect, it } from "vitest";
import type { AdmissionTerms } from "../core/admission.ts";
import type { ChunkSpec } from "../core/chunk.ts";
import { systemClock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import { silentLog } from "../kernel/log.ts";
import { encodeMessage, readMessage } from "../protocols/codec.ts";
import { DonorMessage, type RequesterMessage } from "../protocols/lease/messages.ts";
import { streamPair } from "../protocols/stream-pair.ts";
import type { DonorStore, WarmSession } from "./ports.ts";
import { RenderSlots } from "./render-slots.ts";
import { serveJob } from "./serve-job.ts";

const build = { blenderVersion: "4.3.2", buildHash: "abc", backend: "CPU", arch: "avx2" } as const;
const terms: AdmissionTerms = { builds: [build], allow: [], deny: [], jobs: 0, maxJobs: 2, paused: false };
const opening: RequesterMessage = {
  type: "open",
  job: "j1",
  manifest: "a".repeat(64),
  manifestBytes: 10,
  build: { blenderVersion: "4.3.2", buildHash: "abc" },
};
const spec: ChunkSpec = {
  kind: "floats",
  scene: "Scene",
  frame: 1,
  width: 8,
  height: 8,
  rect: { x: 0, y: 0, width: 4, height: 4 },
  denoise: false,
};

/** A donor at the far end of a stream, with a Blender that does what `render` says. */
function served(options: { render?: WarmSession["render"]; terms?: AdmissionTerms } = {}) {
  const [requester, donor] = streamPair();
  const dropped: string[] = [];
  const store: DonorStore = {
    bringScene: async () => ({ key: "scene", path: "/scene.blend", remap: {} }),
    releaseScene: async () => {},
    keepResult: async () => ({ sha256: "b".repeat(64), bytes: 5 }),
    dropResult: async (hash) => void dropped.push(hash),
  };
  const session: WarmSession = {
    load: async () => {},
    render: options.render ?? (async () => ({ floats: "/f.exr", outputs: [], renderSeconds: 1, peakMemoryBytes: 1 })),
    exited: new Promise(() => {}),
    close: async () => {},
  };
  const slots = new RenderSlots({ openSession: async () => session }, { slots: 1 });
  const deps = { store, slots, clock: systemClock, log: silentLog, terms: () => options.terms ?? terms, observe: () => {} };
  const signal = AbortSignal.timeout(10_000);
  const ended = serveJob(deps, donor, { id: "requester", addrs: [] }, signal);
  ended.catch(() => {});
  const say = (message: RequesterMessage) => requester.write(encodeMessage(message));
  /** The next message of a type; others are passed over. */
  const hear = async (type: DonorMessage["type"]): Promise<DonorMessage> => {
    while (true) {
      const message = await readMessage(requester, DonorMessage, { maxBytes: 1e6, timeoutMs: 5_000 }, signal);
      if (message === undefined) throw new Error(`the stream ended before ${type}`);
      if (message.type === type) return message;
    }
  };
  return { say, hear, ended, dropped, hangUp: () => requester.close() };
}

describe("a donor's side of a job", () => {
  it("opens, renders a lease, commits to its hash, and drops the result when told [L1, L5, L7]", async () => {
    const job = served();
    await job.say(opening);
    expect(await job.hear("opened")).toMatchObject({ slots: 1, deviceClass: build });
    await job.say({ type: "lease", lease: "1", spec });
    expect(await job.hear("rendered")).toMatchObject({
      lease: "1",
      files: [{ role: "floats", name: "f.exr", sha256: "b".repeat(64), bytes: 5 }],
    });
    await job.say({ type: "release", lease: "1" });
    await job.hangUp();
    await job.ended;
    expect(job.dropped).toEqual(["b".repeat(64)]);
  });

  it("refuses another build in words, not by an error [L1, L2]", async () => {
    const job = served({ terms: { ...terms, builds: [{ ...build, buildHash: "other" }] } });
    await job.say(opening);
    expect(await job.hear("refused")).toEqual({ type: "refused", because: "no-matching-blender" });
    await job.ended;
  });

  it("ends a stream that does not begin with open [L1]", async () => {
    const job = served();
    await job.say({ type: "beat" });
    await expect(job.ended).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("ends a stream that gives one lease twice [L4]", async () => {
    const job = served({
      render: (_, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    });
    await job.say(opening);
    await job.say({ type: "lease", lease: "1", spec });
    await job.say({ type: "lease", lease: "1", spec });
    await expect(job.ended).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("answers a withdrawn lease with CANCELLED, and works on [L6]", async () => {
    let calls = 0;
    const render: WarmSession["render"] = (_, signal) => {
      if (calls++ > 0) return Promise.resolve({ floats: "/f.exr", outputs: [], renderSeconds: 1, peakMemoryBytes: 1 });
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

  it("tells a crash by its code, and the next lease is rendered", async () => {
    let calls = 0;
    const render: WarmSession["render"] = async () => {
      if (calls++ === 0) throw new FarmError("BLENDER_CRASHED", "Blender ended unexpectedly");
      return { floats: "/f.exr", outputs: [], renderSeconds: 1, peakMemoryBytes: 1 };
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

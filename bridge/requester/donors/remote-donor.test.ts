import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import type { ResultFile } from "../../core/plan/chunk.ts";
import { FarmError } from "../../kernel/errors.ts";
import { encodeMessage, readMessage } from "../../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { type DonorMessage, LEASE_LIMITS, RequesterMessage } from "../../protocols/lease/messages.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import { chunkOf } from "../../test/contract/donor-link-contract.ts";
import { steppedWorld } from "../../test/fakes/stepped-world.ts";
import type { DonorUpdate } from "./donor-link.ts";
import { openRemoteDonor, RemoteDonor } from "./remote-donor.ts";

const build = { blenderVersion: "3.4.1", buildHash: "abc" };
const deviceClass = { ...build, backend: "CPU", arch: "x64" } as const;
const opening = { job: "job", manifest: "0".repeat(64), manifestBytes: 1, build, needs: { sceneBytes: 7 } };
const peer = { id: "peer", name: "studio", benchmarkSpeed: 9 };
const never = new AbortController().signal;

let world: ReturnType<typeof steppedWorld>["world"];
let pass: ReturnType<typeof steppedWorld>["pass"];
let near: FrameStream;
let far: FrameStream;
let told: DonorUpdate[];
/** What the link said, as far as the donor reads. */
let heard: RequesterMessage[];
let fetched: unknown[][];
let job: AbortController;
beforeEach(() => {
  ({ world, pass } = steppedWorld());
  [near, far] = streamPair(world);
  [told, heard, fetched, job] = [[], [], [], new AbortController()];
});

const say = (message: DonorMessage) => far.write(encodeMessage(message));

function deps() {
  const network = { open: async () => near } as unknown as SwarmNetwork;
  return { ...world, network, fetchResult: async (...all: unknown[]) => void fetched.push(all) };
}

/** Opens the job with the donor that the test plays at `far`. */
async function opened(answer: DonorMessage = { type: "opened", slots: 3, deviceClass }): Promise<RemoteDonor> {
  await say(answer);
  const link = await openRemoteDonor(deps(), peer, opening, job.signal);
  if (!(link instanceof RemoteDonor)) throw new Error(link.message);
  void (async () => {
    for await (const update of link.updates) told.push(update);
  })();
  return link;
}

/** The donor reads, and ends its side when the link does; or keeps it open. */
async function listen({ endsToo = true } = {}): Promise<void> {
  const read = () => readMessage(far, RequesterMessage, { maxBytes: 2 ** 20, timeoutMs: 3_600_000 }, never);
  for (let message = await read(); message; message = await read()) heard.push(message);
  if (endsToo) await far.close();
}

const listening = (options?: { readonly endsToo: boolean }) => void listen(options).catch(() => {});
const saidOf = (type: RequesterMessage["type"]) => heard.filter((message) => message.type === type);
const cancelled = (lease: string): DonorMessage => ({ type: "failed", lease, code: "CANCELLED", message: "taken back" });

describe("opening a job with a donor", () => {
  it("sends the open message first; the answer describes the donor", async () => {
    const link = await opened();
    listening();
    await pass(1);
    expect(heard[0]).toEqual({ type: "open", ...opening });
    expect(link).toMatchObject({ id: "peer", name: "studio", trusted: false, slots: 3, deviceClass, benchmarkSpeed: 9 });
  });

  it("returns a refusal with reason and message, and ends the stream", async () => {
    listening();
    await say({ type: "refused", reason: "busy", message: "it works on 2 jobs already" });
    expect(await openRemoteDonor(deps(), peer, opening, never)).toEqual({ refused: "busy", message: "it works on 2 jobs already" });
    await pass(1);
    expect(await near.read()).toBeUndefined();
  });

  it("fails with a protocol error on any other answer, or none, and aborts the stream", async () => {
    await say({ type: "heartbeat" });
    await expect(openRemoteDonor(deps(), peer, opening, never)).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
    await expect(far.read()).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
    [near, far] = streamPair(world);
    await far.close();
    await expect(openRemoteDonor(deps(), peer, opening, never)).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("times out after 10 s", async () => {
    const opening10 = openRemoteDonor(deps(), peer, opening, never).catch((error: FarmError) => error);
    await pass(9);
    await say({ type: "opened", slots: 1, deviceClass });
    expect(await opening10).toBeInstanceOf(RemoteDonor);
    [near, far] = streamPair(world);
    const unanswered = openRemoteDonor(deps(), peer, opening, never).catch((error: FarmError) => error);
    await pass(11);
    expect(await unanswered).toMatchObject({ code: "PEER_UNREACHABLE" });
  });
});

describe("[L8] a donor", () => {
  it("that is silent for 30 s is gone, with that reason", async () => {
    await opened();
    listening();
    await pass(29);
    expect(told).toEqual([]);
    await pass(3);
    expect(told).toEqual([{ type: "gone", reason: "the peer was silent for 30 s" }]);
  });

  it("that sends heartbeats stays, however long its work takes, and gets a heartbeat every 5 s", async () => {
    const link = await opened();
    listening();
    for (let second = 0; second < 300; second++) {
      void say({ type: "heartbeat" });
      await pass(1);
    }
    expect(told.every(({ type }) => type === "alive")).toBe(true);
    expect(saidOf("heartbeat")).toHaveLength(60);
    far.abort(new Error("the test is over"));
    await link.ended;
  });

  it("[F6] that sends heartbeats and reads none of our messages is gone, too", async () => {
    const link = await opened();
    const addrs = Array.from({ length: 16 }, () => "x".repeat(500));
    for (let count = 0; count < 2; count++) link.tellSources(Array.from({ length: 25 }, () => ({ id: "peer", addrs })));
    for (let second = 0; second < 35; second++) {
      void say({ type: "heartbeat" }).catch(() => {});
      await pass(1);
    }
    expect(told.at(-1)).toEqual({ type: "gone", reason: "the peer was silent for 30 s" });
  });
});

describe("a donor that leaves", () => {
  it.each<[string, () => unknown, string]>([
    ["with a word", () => say({ type: "end", reason: "its owner needs it" }).then(() => far.close()), "its owner needs it"],
    ["without one", () => far.close(), "it closed the connection"],
    ["with its connection", () => far.abort(new Error("cable")), "the peer aborted the stream"],
    ["by what it may not say", () => far.write(Buffer.from("{}")), "a message does not match its schema at type"],
    ["by opening the job twice", () => say({ type: "opened", slots: 1, deviceClass }), "the donor opened the job twice"],
    ["by refusing it later", () => say({ type: "refused", reason: "busy", message: "" }), "the donor opened the job twice"],
  ])("%s is reported last, with the reason", async (_how, goes, reason) => {
    const link = await opened();
    listening();
    await goes();
    await link.ended;
    await say({ type: "heartbeat" }).catch(() => {});
    await pass(1);
    expect(told).toEqual([{ type: "gone", reason }]);
  });

  it("by a protocol error has its stream aborted", async () => {
    const link = await opened();
    await say({ type: "opened", slots: 1, deviceClass });
    await link.ended;
    await expect(far.write(Buffer.from("{}"))).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it("gets no more heartbeats", async () => {
    const link = await opened();
    listening({ endsToo: false });
    await far.close();
    await link.ended;
    await pass(30);
    expect(saidOf("heartbeat")).toEqual([]);
  });
});

describe("a donor's messages", () => {
  it.each<[DonorMessage, DonorUpdate]>([
    [{ type: "heartbeat" }, { type: "alive" }],
    [
      { type: "state", phase: "fetching", bytesDone: 1, bytesTotal: 2 },
      { type: "scene", phase: "fetching", bytesDone: 1, bytesTotal: 2 },
    ],
    [
      { type: "availability", availability: { state: "open" } },
      { type: "availability", open: true, reason: undefined },
    ],
    [
      { type: "availability", availability: { state: "paused", reason: "it is day" } },
      { type: "availability", open: false, reason: "it is day" },
    ],
    // Of no lease that stands: all that it says is that the donor lives.
    [{ type: "started", lease: "9" }, { type: "alive" }],
    [{ type: "rendered", lease: "9", files: [], seconds: 1, peakMemoryBytes: 1 }, { type: "alive" }],
    [{ type: "failed", lease: "9", code: "BLENDER_CRASHED", message: "" }, { type: "alive" }],
  ])("$type becomes an update of the donor", async (message, update) => {
    await opened();
    await say(message);
    await pass(0.25);
    expect(told).toEqual([update]);
  });

  it("about a lease becomes an update of its chunk, with the device class if it names one", async () => {
    const link = await opened();
    const files: ResultFile[] = [{ role: "raw", name: "f.exr", sha256: "a".repeat(64), bytes: 5 }];
    const gpu = { ...build, backend: "CUDA", arch: "sm_90" } as const;
    for (const frame of [1, 2]) link.lease(chunkOf(frame));
    await say({ type: "started", lease: "1" });
    await say({ type: "rendered", lease: "2", files, seconds: 4, peakMemoryBytes: 1, deviceClass: gpu });
    await say({ type: "rendered", lease: "1", files, seconds: 3, peakMemoryBytes: 1 });
    await pass(0.25);
    expect(told).toEqual([
      { type: "started", chunk: "c1" },
      { type: "rendered", chunk: "c2", files, seconds: 4, deviceClass: gpu },
      { type: "rendered", chunk: "c1", files, seconds: 3, deviceClass: undefined },
    ]);
  });

  const NOT_THE_CHUNKS = ["CANCELLED", "PEER_UNREACHABLE", "BLOCK_MISSING", "DISK_FULL", "SANDBOX_UNAVAILABLE", "ENVIRONMENT_MISSING"];
  it.each([...NOT_THE_CHUNKS, "BLENDER_CRASHED", "BLENDER_HUNG", "SCENE_UNREADABLE", "NEVER_HEARD_OF"])(
    "failed by %s counts as a failure of the chunk, or only of its transfer",
    async (code) => {
      const link = await opened();
      link.lease(chunkOf(1));
      await say({ type: "failed", lease: "1", code, message: "so it was" });
      await pass(0.25);
      const kind = NOT_THE_CHUNKS.includes(code) ? "transport" : "task";
      expect(told).toEqual([{ type: "failed", chunk: "c1", code, message: "so it was", kind }]);
    },
  );
});

describe("messages to a donor", () => {
  it("give each lease its own id, also for a chunk that it had before", async () => {
    const link = await opened();
    listening();
    const { spec } = chunkOf(1);
    link.lease(chunkOf(1));
    link.withdraw("c1");
    link.lease(chunkOf(1));
    link.release("c1");
    link.release("c1");
    await pass(0.25);
    expect(heard.slice(1)).toEqual([
      { type: "lease", lease: "1", spec },
      { type: "withdraw", lease: "1" },
      { type: "lease", lease: "2", spec },
      { type: "release", lease: "2" },
    ]);
  });

  it("name other sources of blocks, up to the limit of a message", async () => {
    const link = await opened();
    listening();
    const addrs = Array.from({ length: 30 }, (_, index) => `/at/${index}`);
    link.tellSources(Array.from({ length: 100 }, (_, index) => ({ id: `peer ${index}`, addrs })));
    await pass(0.25);
    const [said] = saidOf("sources") as Extract<RequesterMessage, { type: "sources" }>[];
    expect(said?.peers).toHaveLength(LEASE_LIMITS.maxSources);
    expect(said?.peers[0]).toEqual({ id: "peer 0", addrs: addrs.slice(0, 16) });
  });

  it("are not sent to fetch a file: it is fetched from the peer by hash", async () => {
    const link = await opened();
    const file: ResultFile = { role: "raw", name: "f.exr", sha256: "a".repeat(64), bytes: 5 };
    await link.fetch("c1", file, "/there", job.signal);
    expect(fetched).toEqual([["peer", file, "/there", job.signal]]);
  });
});

/** How long a link takes to close, in seconds; in quarters, rounded up. */
async function secondsToClose(close: () => Promise<unknown>): Promise<number> {
  let isClosed = false;
  void close().then(() => (isClosed = true));
  await pass(0);
  for (let seconds = 0; ; seconds += 0.25) {
    if (isClosed) return seconds;
    if (seconds > 60) throw new Error("it never closes");
    await pass(0.25);
  }
}

describe("a goodbye", () => {
  it("is sent after all earlier messages, and is over at once when the donor ends its side", async () => {
    const link = await opened();
    listening();
    link.lease(chunkOf(1));
    expect(await secondsToClose(() => link.close())).toBe(0);
    expect(heard.map(({ type }) => type)).toEqual(["open", "lease"]);
    expect(told).toEqual([{ type: "gone", reason: "it closed the connection" }]);
  });

  it("waits a second for a silent donor on which nothing of the job runs", async () => {
    const link = await opened();
    listening({ endsToo: false });
    expect(await secondsToClose(() => link.close())).toBe(1);
    expect(told.map(({ type }) => type)).toEqual(["gone"]);
  });

  it("waits up to 10 s for a donor at work, which reports when that has stopped", async () => {
    const link = await opened();
    listening({ endsToo: false });
    link.lease(chunkOf(1));
    expect(await secondsToClose(() => link.close())).toBe(10);
  });

  it("waits as long for one that has not yet reported the end of a withdrawn chunk", async () => {
    const link = await opened();
    listening({ endsToo: false });
    link.lease(chunkOf(1));
    link.withdraw("c1");
    expect(await secondsToClose(() => link.close())).toBe(10);
  });

  it.each<[string, (link: RemoteDonor) => Promise<unknown>]>([
    ["failed", () => say({ type: "failed", lease: "1", code: "BLENDER_CRASHED", message: "" })],
    ["was released", async (link) => link.release("c1")],
    ["was withdrawn, and has stopped", async (link) => (link.withdraw("c1"), await say(cancelled("1")))],
    [
      "was withdrawn too late",
      async (link) => (link.withdraw("c1"), await say({ type: "rendered", lease: "1", files: [], seconds: 1, peakMemoryBytes: 1 })),
    ],
  ])("waits a second for one whose only chunk %s", async (_how, end) => {
    const link = await opened();
    listening({ endsToo: false });
    link.lease(chunkOf(1));
    await end(link);
    await pass(1);
    expect(await secondsToClose(() => link.close())).toBe(1);
  });

  it("is sent when the job ends for any reason; then the stream is aborted", async () => {
    const link = await opened();
    listening({ endsToo: false });
    job.abort(new FarmError("CANCELLED", "interrupted"));
    await pass(2);
    await link.ended;
    await expect(far.write(Buffer.from("{}"))).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
    expect(told.map(({ type }) => type)).toEqual(["gone"]);
  });

  it("is sent once, also when the job ends after the link", async () => {
    const link = await opened();
    listening();
    await link.close();
    expect(getEventListeners(job.signal, "abort")).toEqual([]);
    job.abort();
    expect(link.close()).toBe(link.close());
    await pass(1);
    expect(told).toHaveLength(1);
  });

  it("is sent at once by a link into a job that has already ended", async () => {
    listening();
    const link = new RemoteDonor(deps(), near, { ...peer, slots: 1, deviceClass }, AbortSignal.abort());
    await pass(0.25);
    await link.ended;
    expect(heard).toEqual([]);
  });
});

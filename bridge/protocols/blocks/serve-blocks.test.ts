import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FarmError } from "../../kernel/errors.ts";
import { systemWorld } from "../../kernel/world.ts";
import { decodeMessage, encodeMessage } from "../codec.ts";
import type { FrameStream } from "../frame-stream.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import { BLOCKS_LIMITS, BlocksAnswer } from "./messages.ts";
import { serveBlocks, type ServePolicy } from "./serve-blocks.ts";
import { SuperSeeding } from "./super-seeding.ts";
import { MemoryStore } from "./fixtures/memory-swarm.ts";

const MIB = 1024 * 1024;
const signal = new AbortController().signal;

function serving(count = 2, bytes = 1000, policy: ServePolicy = { mayHave: () => true }) {
  const { store, wanted } = MemoryStore.of(count, bytes);
  const [near, far] = streamPair(systemWorld);
  const served = serveBlocks(far, store, policy, signal);
  served.catch(() => {});
  return { store, hashes: wanted.map((block) => block.hash), near, served };
}

async function ask(stream: FrameStream, request: object): Promise<void> {
  await stream.write(encodeMessage(request));
}

async function answer(stream: FrameStream): Promise<BlocksAnswer> {
  return decodeMessage(BlocksAnswer, (await stream.read()) ?? new Uint8Array(), BLOCKS_LIMITS.maxHeaderBytes);
}

describe("serving blocks", () => {
  it("[B2] answers requests in order, each block as a header and its bytes", async () => {
    const { near, hashes, store, served } = serving();
    for (const hash of hashes) await ask(near, { type: "get", hash });
    for (const hash of hashes) {
      expect(await answer(near)).toEqual({ type: "block", hash, bytes: 1000 });
      expect(await near.read()).toEqual(store.blocks.get(hash));
    }
    await near.close();
    await served;
    expect(await near.read()).toBeUndefined();
  });

  it("[B3] cuts a block into frames of at most 1 MiB", async () => {
    const { near, hashes } = serving(1, 2 * MIB + 7);
    await ask(near, { type: "get", hash: hashes[0] });
    await answer(near);
    expect([(await near.read())?.length, (await near.read())?.length, (await near.read())?.length]).toEqual([MIB, MIB, 7]);
  });

  it("[B6] sends ranges, never past the end", async () => {
    const { near, hashes, store } = serving(1, 5 * MIB);
    await ask(near, { type: "get", hash: hashes[0], offset: 5 * MIB - 10, length: 100 });
    expect(await answer(near)).toMatchObject({ bytes: 10 });
    expect(await near.read()).toEqual(store.blocks.get(hashes[0]!)!.subarray(5 * MIB - 10));
    await ask(near, { type: "get", hash: hashes[0] });
    expect(await answer(near)).toMatchObject({ bytes: 4 * MIB });
    for (let piece = 0; piece < 4; piece++) await near.read();
    await ask(near, { type: "get", hash: hashes[0], offset: 5 * MIB + 1 });
    expect(await answer(near)).toMatchObject({ type: "missing" });
  });

  it("[B4] a block that the peer may not have is answered as missing", async () => {
    const { near, hashes } = serving(2, 10, { mayHave: (hash) => hash.startsWith("none") });
    await ask(near, { type: "get", hash: hashes[0] });
    await ask(near, { type: "get", hash: "0".repeat(64) });
    await ask(near, { type: "have", hashes });
    expect([await answer(near), await answer(near), await answer(near)]).toEqual([
      { type: "missing", hash: hashes[0] },
      { type: "missing", hash: "0".repeat(64) },
      { type: "have", bits: "00" },
    ]);
  });

  it("[B5] says which of many hashes it has", async () => {
    const { near, hashes } = serving(3, 10);
    await ask(near, { type: "have", hashes: [hashes[0], "f".repeat(64), hashes[2]] });
    expect(await answer(near)).toEqual({ type: "have", bits: "101" });
  });

  it("[B4] a block that cannot be read is answered as missing, without the reason", async () => {
    const errors: unknown[] = [];
    const { near, hashes, store } = serving(1, 10, { mayHave: () => true, broke: (_hash, error) => errors.push(error) });
    store.read = async () => {
      throw new FarmError("SCENE_CHANGED", "/home/alice/secret.blend changed");
    };
    await ask(near, { type: "get", hash: hashes[0] });
    expect(await answer(near)).toEqual({ type: "missing", hash: hashes[0] });
    expect(errors).toMatchObject([{ code: "SCENE_CHANGED" }]);
  });

  const H = "a".repeat(64);
  it.each<[string, Uint8Array]>([
    ["garbage", new Uint8Array([0, 255, 3])],
    ["an empty frame", new Uint8Array()],
    ["an unknown type", encodeMessage({ type: "put", hash: H })],
    ["a hash that is a path", encodeMessage({ type: "get", hash: "../../etc/passwd" })],
    ["a hash in upper case", encodeMessage({ type: "get", hash: "A".repeat(64) })],
    ["a negative offset", encodeMessage({ type: "get", hash: H, offset: -1 })],
    ["a length over the limit", encodeMessage({ type: "get", hash: H, length: 5 * MIB })],
    ["a length of 0", encodeMessage({ type: "get", hash: H, length: 0 })],
    ["a fractional offset", encodeMessage({ type: "get", hash: H, offset: 0.5 })],
    ["an unknown field", encodeMessage({ type: "get", hash: H, more: true })],
    ["no hashes", encodeMessage({ type: "have", hashes: [] })],
    ["too many hashes", encodeMessage({ type: "have", hashes: Array(BLOCKS_LIMITS.maxHaveHashes + 1).fill(H) })],
    ["a frame over the limit", new Uint8Array(BLOCKS_LIMITS.maxRequestBytes + 1).fill(32)],
  ])("[B7] ends the stream on %s", async (_what, frame) => {
    const { near, served } = serving();
    await near.write(frame);
    await expect(served).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
    await expect(near.read()).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it("[B5] as many hashes as are allowed fit a request", () => {
    expect(encodeMessage({ type: "have", hashes: Array(BLOCKS_LIMITS.maxHaveHashes).fill(H) }).length).toBeLessThan(
      BLOCKS_LIMITS.maxRequestBytes,
    );
  });

  describe("time limits", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it("[B7] ends a stream on which nothing is requested, or nothing is read, for 30 s", async () => {
      const silent = serving();
      const stuck = serving(4, 4 * MIB);
      for (const hash of stuck.hashes) await ask(stuck.near, { type: "get", hash });
      const ends = Promise.allSettled([silent.served, stuck.served]);
      await vi.advanceTimersByTimeAsync(BLOCKS_LIMITS.idleTimeoutMs + 10);
      expect(await ends).toMatchObject(Array(2).fill({ status: "rejected", reason: { code: "PEER_UNREACHABLE" } }));
    });
  });
});

describe("super-seeding", () => {
  const seeding = () => {
    const made = new SuperSeeding({ addressesOf: async (id) => [`/ip4/127.0.0.1/tcp/1/p2p/${id}`, "x".repeat(300)] });
    for (const id of ["donor0001", "donor0002", "donor0003"]) made.donorHere(id);
    return made;
  };
  const route = async (made: SuperSeeding, id: string, force = false) =>
    (await made.policyFor(id, () => true).redirect!("h", force)).map((peer) => peer.id);

  it("[B8] sends a block once and then redirects to the peer that has it, also while it is still being sent", async () => {
    const made = seeding();
    expect(await route(made, "donor0001")).toEqual([]);
    expect(await route(made, "donor0002")).toEqual(["donor0001"]);
    made.policyFor("donor0001", () => true).gave!("h", 1);
    expect(await made.policyFor("donor0003", () => true).redirect!("h", false)).toEqual([
      { id: "donor0001", addrs: ["/ip4/127.0.0.1/tcp/1/p2p/donor0001"] },
    ]);
    expect(await route(made, "donor0001")).toEqual([]);
  });

  it("[B9] sends it to a peer that forces it, but not while it is being sent to another", async () => {
    const made = seeding();
    await route(made, "donor0001");
    expect(await route(made, "donor0002", true)).toEqual(["donor0001"]);
    made.policyFor("donor0001", () => true).gave!("h", 1);
    expect(await route(made, "donor0002", true)).toEqual([]);
  });

  it("[B9] does not redirect to a donor that is gone, or whose transfer broke", async () => {
    const made = seeding();
    await route(made, "donor0001");
    made.donorGone("donor0001");
    expect(await route(made, "donor0002")).toEqual([]);
    made.policyFor("donor0002", () => true).broke!("h", new Error("cut"));
    expect(await route(made, "donor0003")).toEqual([]);
  });

  it("[B6] sends a range at once, although the block is being sent to another peer", async () => {
    const made = seeding();
    const { near, hashes } = serving(
      1,
      1000,
      made.policyFor("donor0002", () => true),
    );
    await made.policyFor("donor0001", () => true).redirect!(hashes[0]!, false);
    await ask(near, { type: "get", hash: hashes[0], offset: 0, length: 1000, force: true });
    expect(await answer(near)).toMatchObject({ type: "block", bytes: 1000 });
  });

  it("[B13] limits how often one peer gets one block", async () => {
    const made = seeding();
    const policy = made.policyFor("donor0001", () => true);
    for (let time = 0; time < BLOCKS_LIMITS.maxGivesPerBlock; time++) {
      expect(policy.mayHave("h")).toBe(true);
      await policy.redirect!("h", true);
      policy.broke!("h", new Error("cut"));
    }
    expect(policy.mayHave("h")).toBe(false);
    expect(made.policyFor("donor0002", () => true).mayHave("h")).toBe(true);
  });
});

import { expect, it } from "vitest";
import { z } from "zod";
import { childSignal } from "../../kernel/abort.ts";
import { silentLog } from "../../kernel/log.ts";
import { fetchBlocks } from "../../protocols/blocks/fetch-blocks.ts";
import { readMessage } from "../../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { streamPair } from "../network/stream-pair.ts";
import { Recruiter } from "../../requester/donors/recruit.ts";
import { steppedWorld } from "../fakes/stepped-world.ts";

const never = new AbortController().signal;

/** The error code of a wait; undefined while it lasts. */
function failureOf(waiting: Promise<unknown>): () => string | undefined {
  let code: string | undefined;
  waiting.catch((error: unknown) => (code = (error as { code?: string }).code ?? String(error)));
  return () => code;
}

it("a silent peer is given up after 30 s of virtual time", async () => {
  const { world, pass } = steppedWorld();
  const [near] = streamPair(world);
  const failure = failureOf(readMessage(near, z.strictObject({}), { maxBytes: 100, timeoutMs: 30_000 }, never));
  await pass(29);
  expect(failure()).toBeUndefined();
  await pass(2);
  expect(failure()).toBe("PEER_UNREACHABLE");
});

it("a fetch from peers that send nothing ends after a minute of virtual time", async () => {
  const { world, pass } = steppedWorld();
  const store = { has: () => false, put: async () => {} };
  const requester = { id: "requester", addrs: [] };
  const open = async (): Promise<FrameStream> => streamPair(world)[0];
  const wanted = [{ hash: "a".repeat(64), bytes: 1_000 }];
  const failure = failureOf(fetchBlocks({ world, wanted, requester, sources: () => [], open, store }, never));
  await pass(50);
  expect(failure()).toBeUndefined();
  await pass(60);
  expect(failure()).toBe("PEER_UNREACHABLE");
});

it("a named donor that cannot be reached is retried, by virtual time", async () => {
  const { world, pass } = steppedWorld();
  let tries = 0;
  const connect = async () => {
    tries++;
    throw new Error("not there");
  };
  const network = { connect, watchPeers: () => () => {}, knownPeers: () => [] } as unknown as SwarmNetwork;
  const deps = { ...world, network, log: silentLog, observe: () => {}, fetchResult: async () => {} };
  using life = childSignal();
  const opening = {
    job: "j",
    manifest: "m",
    manifestBytes: 1,
    build: { blenderVersion: "4.5.0", buildHash: "abcdef" },
    needs: { sceneBytes: 1 },
  };
  const recruiting = new Recruiter(deps, { opening, only: ["peer"], admitPeer: () => {} }).recruit(
    { donors: [], addDonor: () => {}, typicalChunkSeconds: undefined },
    life.signal,
  );
  await pass(120);
  expect(tries).toBeGreaterThanOrEqual(8);
  life.abort();
  await recruiting;
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sha256 } from "../../kernel/ids.ts";
import { systemWorld } from "../../kernel/world.ts";
import { encodeMessage } from "../codec.ts";
import type { FrameStream } from "../frame-stream.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import { fetchBlocks } from "./fetch-blocks.ts";
import { fetchFile } from "./fetch-file.ts";
import { MemoryStore } from "./fixtures/memory-swarm.ts";

const KIB = 1024;
const content = new Uint8Array(randomBytes(512 * KIB));
const hash = sha256(content);
const header = encodeMessage({ type: "block", hash, bytes: content.length });

/** Pending operations of the real disk, for which virtual time must wait. */
const atWork = new Set<Promise<unknown>>();
function watched<T extends object>(target: T): T {
  const call =
    (method: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      const done = Promise.resolve(method.apply(target, args)).then((made) =>
        made instanceof Object && "sync" in made ? watched(made) : made,
      );
      atWork.add(done);
      const forget = () => void atWork.delete(done);
      done.then(forget, forget);
      return done;
    };
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? call(member as (...args: unknown[]) => unknown) : member;
    },
  });
}
const world = { ...systemWorld, disk: watched(systemWorld.disk) };
const turnOfLoop = () => new Promise((resolve) => void setImmediate(resolve));
/** Waits until nothing happens without advancing time. */
async function settled(): Promise<void> {
  do {
    await Promise.allSettled(atWork);
    for (let turn = 0; turn < 3; turn++) await turnOfLoop();
  } while (atWork.size > 0);
}

/** A peer's behaviour on the stream. */
type Manner = (stream: FrameStream) => Promise<void>;

const silent: Manner = async () => {};
const silentAfterHeader: Manner = (stream) => stream.write(header);
const silentMidway: Manner = async (stream) => {
  await stream.write(header);
  await stream.write(content.subarray(0, 100 * KIB));
};
const cutMidway: Manner = async (stream) => {
  await silentMidway(stream);
  stream.abort(new Error("the connection is gone"));
};
const endedMidway: Manner = async (stream) => {
  await silentMidway(stream);
  await stream.close();
};
/** Bytes per piece. */
function trickling(bytes: number, everyMs: number): Manner {
  return async (stream) => {
    await stream.write(header);
    for (let at = 0; at < content.length; at += bytes) {
      await new Promise((resolve) => void setTimeout(resolve, everyMs));
      await stream.write(content.subarray(at, at + bytes));
    }
  };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "streams-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

function opener(manner: Manner): () => Promise<FrameStream> {
  return async () => {
    const [near, far] = streamPair(world);
    void far
      .read()
      .then(() => manner(far))
      .catch(() => {});
    return near;
  };
}

/** Both kinds of fetch, with the same signature. */
const fetches = {
  fetchFile: (manner: Manner, signal: AbortSignal) =>
    fetchFile({ world, hash, bytes: content.length, open: opener(manner), toPath: join(folder, "r.exr") }, signal),
  fetchBlocks: async (manner: Manner, signal: AbortSignal) => {
    const wanted = [{ hash, bytes: content.length }];
    const requester = { id: "requester", addrs: [] };
    await fetchBlocks({ world, wanted, requester, sources: () => [], open: opener(manner), store: new MemoryStore() }, signal);
  },
};

/** Advances time until it has ended; returns its result and the time. */
async function endOf(fetching: Promise<unknown>, mostSeconds: number): Promise<{ readonly error: unknown; readonly seconds: number }> {
  const startMs = performance.now();
  let ended: { error: unknown; seconds: number } | undefined;
  const end = (error: unknown) => {
    ended = { error, seconds: (performance.now() - startMs) / 1_000 };
  };
  fetching.then(() => end(undefined), end);
  for (let step = 0; ended === undefined && step < mostSeconds * 4; step++) {
    await vi.advanceTimersByTimeAsync(250);
    await settled();
  }
  return ended ?? { error: new Error("the fetch has not ended"), seconds: mostSeconds };
}

describe.each(["fetchFile", "fetchBlocks"] as const)("%s, of a peer whose stream", (name) => {
  const fetch = fetches[name];
  const never = new AbortController().signal;

  it.each([
    ["[B7] is silent from the start", silent],
    ["[B7] is silent after the header", silentAfterHeader],
    ["[B7] is silent inside a block", silentMidway],
    ["[F4] is cut inside a block", cutMidway],
    ["[F4] ends inside a block", endedMidway],
    ["[B14] sends a byte every 25 s", trickling(1, 25_000)],
    ["[B14] sends a byte every second", trickling(1, 1_000)],
    ["[B14] sends less than 4 KiB a second", trickling(10 * KIB, 3_000)],
  ])("%s ends with PEER_UNREACHABLE within 100 s: it is the peer's fault", async (_what, manner) => {
    const { error, seconds } = await endOf(fetch(manner, never), 150);
    expect(error).toMatchObject({ name: "FarmError", code: "PEER_UNREACHABLE" });
    expect(seconds).toBeLessThan(100);
  });

  it("[B14] is as slow as a link of 64 kbit/s, does not time out", async () => {
    expect((await endOf(fetch(trickling(16 * KIB, 2_048), never), 150)).error).toBeUndefined();
  });

  it("is silent when we cancel, ends with our own reason", async () => {
    const us = new AbortController();
    const fetching = fetch(silent, us.signal);
    setTimeout(() => us.abort(new Error("cancelled by us")), 5_000);
    expect((await endOf(fetching, 60)).error).toMatchObject({ message: "cancelled by us" });
  });
});

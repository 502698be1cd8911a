import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { systemWorld } from "../../kernel/world.ts";
import { encodeMessage } from "../../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../../protocols/frame-stream.ts";
import type { DonorMessage } from "../../protocols/lease/messages.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import type { DonorUpdate } from "./donor-link.ts";
import { openRemoteDonor, RemoteDonor } from "./remote-donor.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const build = { blenderVersion: "3.4.1", buildHash: "abc" };
const { timers } = systemWorld;
const clock = { ...systemClock, sleep: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms)) };

/** A link to a donor that the test plays at `far`, and what the link has told so far. */
async function linkTo() {
  const [near, far] = streamPair(systemWorld);
  const network = { open: async () => near } as unknown as SwarmNetwork;
  const say = (message: DonorMessage) => far.write(encodeMessage(message));
  await say({ type: "opened", slots: 1, deviceClass: { ...build, backend: "CPU", arch: "x64" } });
  const deps = { network, clock, timers, fetchResult: async () => {} };
  const opening = { job: "job", manifest: "0".repeat(64), manifestBytes: 1, build, needs: {} };
  const peer = { id: "peer", name: "studio", benchmarkSpeed: undefined };
  const link = await openRemoteDonor(deps, peer, opening, new AbortController().signal);
  if (!(link instanceof RemoteDonor)) throw new Error("it refused");
  const told: DonorUpdate[] = [];
  void (async () => {
    for await (const updates of link.updates) told.push(updates);
  })();
  return { link, far, say, told };
}

async function pass(seconds: number, everySecond: () => Promise<unknown> = async () => {}): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    void everySecond().catch(() => {});
    await vi.advanceTimersByTimeAsync(1_000);
  }
}

async function readAll(stream: FrameStream): Promise<void> {
  while ((await stream.read()) !== undefined);
}

describe("[L8] a donor", () => {
  it("that says nothing for 30 s is gone, and the reason says so", async () => {
    const { far, told } = await linkTo();
    void readAll(far).catch(() => {});
    await pass(29);
    expect(told).toEqual([]);
    await pass(3);
    expect(told).toEqual([{ type: "gone", reason: "the peer was silent for 30 s" }]);
  });

  it("that beats stays, however long its work takes", async () => {
    const { far, say, told, link } = await linkTo();
    void readAll(far).catch(() => {});
    await pass(300, () => say({ type: "heartbeat" }));
    expect(told.filter(({ type }) => type === "gone")).toEqual([]);
    far.abort(new Error("the test is over"));
    await link.ended;
  });

  it("[F6] that beats and takes none of our messages is gone, too", async () => {
    const { link, say, told } = await linkTo();
    const addrs = Array.from({ length: 16 }, () => "x".repeat(500));
    for (let count = 0; count < 2; count++) link.tellSources(Array.from({ length: 25 }, () => ({ id: "peer", addrs })));
    await pass(35, () => say({ type: "heartbeat" }));
    expect(told.at(-1)).toEqual({ type: "gone", reason: "the peer was silent for 30 s" });
  });
});

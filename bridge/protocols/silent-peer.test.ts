import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { readMessage, writeMessage } from "./codec.ts";
import type { SwarmNetwork } from "./frame-stream.ts";
import { askEnvironment } from "./environments/environments.ts";
import { askOffer } from "./offer/offer.ts";
import { streamPair } from "../test/network/stream-pair.ts";
import { systemWorld } from "../kernel/world.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;
const Message = z.strictObject({ text: z.string() });

/** The error of a wait, once time has passed. */
async function errorAfter(waiting: Promise<unknown>, ms: number): Promise<unknown> {
  const error = waiting.then(
    () => "it came",
    (reason: unknown) => reason,
  );
  await vi.advanceTimersByTimeAsync(ms);
  return await error;
}

describe("[F6] a silent peer is PEER_UNREACHABLE, not an internal error", () => {
  it("when we wait for its message", async () => {
    const [near] = streamPair(systemWorld);
    const waiting = readMessage(near, Message, { maxBytes: 100, timeoutMs: 30_000 }, never);
    expect(await errorAfter(waiting, 30_200)).toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it("when it reads no messages; a pending read of its stream fails, too", async () => {
    const [near] = streamPair(systemWorld);
    const reading = errorAfter(near.read(never), 90_000);
    const text = "x".repeat(200_000);
    await writeMessage(near, { text }, 30_000, never);
    expect(await errorAfter(writeMessage(near, { text }, 30_000, never), 30_200)).toMatchObject({ code: "PEER_UNREACHABLE" });
    expect(await reading).toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it.each([
    ["its offer", (network: SwarmNetwork) => askOffer(network, "peer", never)],
    ["an environment", (network: SwarmNetwork) => askEnvironment(network, "peer", "0".repeat(64), never)],
  ])("when it is asked for %s", async (_what, ask) => {
    const network = { open: async () => streamPair(systemWorld)[0] } as unknown as SwarmNetwork;
    expect(await errorAfter(ask(network), 60_000)).toMatchObject({ code: "PEER_UNREACHABLE" });
  });
});

it("a cancellation while we wait for a peer keeps its own reason", async () => {
  const [near] = streamPair(systemWorld);
  const us = new AbortController();
  const waiting = readMessage(near, Message, { maxBytes: 100, timeoutMs: 30_000 }, us.signal);
  setTimeout(() => us.abort(new DOMException("stopped", "AbortError")), 1_000);
  expect(await errorAfter(waiting, 2_000)).toMatchObject({ name: "AbortError" });
});

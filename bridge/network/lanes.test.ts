import { describe, expect, it } from "vitest";
import type { FrameStream } from "../protocols/frame-stream.ts";
import type { SwarmNode } from "./node.ts";
import { addressOf, echo, never, TestNodes } from "./test-nodes.ts";
import { NodeProcess } from "./test-process.ts";

const MIB = 1024 * 1024;
const LIMIT = { maxInboundStreamsPerPeer: 8 };

describe("lanes", () => {
  it("use one connection for control and one for bulk, in both directions", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    const callsBack: Promise<FrameStream>[] = [];
    await server.handle("/test/echo/1", echo, LIMIT);
    await client.handle("/test/echo/1", echo, LIMIT);
    await server.handle(
      "/test/call-back/1",
      async (_stream, peer, signal) => {
        callsBack.push(server.open(peer.id, "/test/echo/1", "bulk", signal));
        await callsBack.at(-1);
      },
      LIMIT,
    );
    for (let count = 0; count < 3; count++) {
      await roundTrip(await client.open(addressOf(server), "/test/echo/1", "control", never()));
      await roundTrip(await client.open(server.selfId, "/test/echo/1", "bulk", never()));
      await client.open(server.selfId, "/test/call-back/1", "control", never());
    }
    await expect.poll(() => callsBack.length).toBe(3);
    for (const opened of callsBack) await roundTrip(await opened);
  });

  it("give bulk to a peer that cannot be dialled back", async () => {
    await using nodes = new TestNodes();
    const [server, hidden] = [await nodes.open(), await nodes.open({ listen: [] })];
    await hidden.handle("/test/echo/1", echo, LIMIT);
    await hidden.connect(addressOf(server), never());
    const startMs = performance.now();
    await roundTrip(await server.open(hidden.selfId, "/test/echo/1", "bulk", never()));
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it("are dialled again after they broke", async () => {
    await using nodes = new TestNodes();
    const client = await nodes.open();
    const first = await nodes.open();
    await first.handle("/test/echo/1", echo, LIMIT);
    await roundTrip(await client.open(addressOf(first), "/test/echo/1", "bulk", never()));
    const port = addressOf(first).split("/")[4];
    await first[Symbol.asyncDispose]();
    const second = await nodes.open({ listen: [`/ip4/127.0.0.1/tcp/${port}`] });
    await second.handle("/test/echo/1", echo, LIMIT);
    await roundTrip(await client.open(addressOf(second), "/test/echo/1", "bulk", never()));
  });

  it("keep control prompt while two bulk streams are busy: p50 <= 10 ms", async () => {
    await using nodes = new TestNodes();
    await using server = await NodeProcess.start("serve", nodes.swarm);
    const client = await nodes.open();
    const stop = new AbortController();
    const busy = [0, 1].map(() => pull(client, server.address, stop.signal));
    const heartbeat = await client.open(server.address, "/test/echo/1", "control", never());
    await roundTrip(heartbeat);
    const timesMs: number[] = [];
    while (timesMs.length < 100) {
      const startMs = performance.now();
      await heartbeat.write(new Uint8Array(32));
      await heartbeat.read();
      timesMs.push(performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stop.abort();
    const pulled = (await Promise.all(busy)).reduce((sum, bytes) => sum + bytes, 0);
    timesMs.sort((a, b) => a - b);
    process.stdout.write(`control beside bulk: p50 ${timesMs[50]?.toFixed(1)} ms, p90 ${timesMs[90]?.toFixed(1)} ms, ${(pulled / MIB).toFixed(0)} MiB moved\n`);
    expect(pulled).toBeGreaterThan(20 * MIB);
    expect(timesMs[50]).toBeLessThanOrEqual(10);
  }, 30_000);
});

async function pull(client: SwarmNode, address: string, signal: AbortSignal): Promise<number> {
  const stream = await client.open(address, "/test/pour/1", "bulk", never());
  let bytes = 0;
  while (!signal.aborted) bytes += (await stream.read())?.byteLength ?? 0;
  stream.abort(new Error("enough"));
  return bytes;
}

async function roundTrip(stream: FrameStream): Promise<void> {
  await stream.write(Buffer.from("there and back"));
  expect(Buffer.from((await stream.read()) ?? []).toString()).toBe("there and back");
}

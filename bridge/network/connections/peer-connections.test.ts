import { describe, expect, it } from "vitest";
import type { FrameStream } from "../../protocols/frame-stream.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { addressOf, echo, never, TestNodes } from "../../test/network/test-nodes.ts";

const LIMIT = { maxInboundStreamsPerPeer: 8 };

describe("connections to a peer", () => {
  it("are one for control and one for bulk, in both directions", async () => {
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

  it("carry bulk data to a peer that cannot be dialled back", async () => {
    await using nodes = new TestNodes();
    const server = await nodes.open();
    const waits: number[] = [];
    for (let count = 0; count < 3; count++) {
      const hidden = await nodes.open({ listen: [] });
      await hidden.handle("/test/echo/1", echo, LIMIT);
      await hidden.connect(addressOf(server), never());
      const startMs = performance.now();
      await roundTrip(await server.open(hidden.selfId, "/test/echo/1", "bulk", never()));
      waits.push(performance.now() - startMs);
    }
    // None of them waits until a second connection is given up.
    expect(Math.min(...waits)).toBeLessThan(NETWORK_LIMITS.bulkDialMs);
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
    expect(await client.connect(addressOf(second), never())).toEqual({ id: second.selfId });
    await roundTrip(await client.open(addressOf(second), "/test/echo/1", "bulk", never()));
  });
});

async function roundTrip(stream: FrameStream): Promise<void> {
  await stream.write(Buffer.from("there and back"));
  expect(Buffer.from((await stream.read()) ?? []).toString()).toBe("there and back");
}

import type { Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FRAME_STREAM_LIMITS, type FrameStream } from "../../protocols/frame-stream.ts";
import { frameStreamContract } from "../../test/contract/frame-stream-contract.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { plainNode } from "../../test/network/test-plain-node.ts";
import { addressOf, failure, never, TestNodes } from "../../test/network/test-nodes.ts";

const MIB = 1024 * 1024;
/** The limit of what one stream buffers for a reader that does not read. */
const MAX_HELD_BYTES = NETWORK_LIMITS.streamWindowBytes * 2 + FRAME_STREAM_LIMITS.maxFrameBytes;

/** Two nodes, and for each stream opened by one, the other's end. */
async function connectedEnds() {
  const nodes = new TestNodes();
  const [server, client] = [await nodes.open(), await nodes.open()];
  let got: ((stream: FrameStream) => void) | undefined;
  await server.handle(
    "/test/ends/1",
    (stream, _peer, signal) =>
      new Promise((resolve) => {
        got?.(stream);
        signal.addEventListener("abort", () => resolve());
      }),
    { maxInboundStreamsPerPeer: 8 },
  );
  const accepted = new Promise<FrameStream>((resolve) => {
    got = resolve;
  });
  const a = await client.open(addressOf(server), "/test/ends/1", "bulk", never());
  return { a, b: await accepted, nodes };
}

frameStreamContract("libp2pFrameStream", async () => {
  const { a, b, nodes } = await connectedEnds();
  return { a, b, dispose: () => nodes[Symbol.asyncDispose]() };
});

describe("libp2pFrameStream with a slow reader", () => {
  it("buffers a bounded part of a 64 MiB send", async () => {
    const { a, b, nodes } = await connectedEnds();
    await using _ = nodes;
    let sent = 0;
    const writing = (async () => {
      for (; sent < 64; sent++) await a.write(new Uint8Array(MIB).fill(sent));
      await a.close();
    })();
    let most = 0;
    for (let index = 0; index < 64; index++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      most = Math.max(most, sent - index);
      expect((await b.read())?.[MIB - 1]).toBe(index);
    }
    await writing;
    expect(await b.read()).toBeUndefined();
    // The receiver's buffers, and those of the kernel's sockets and the sender.
    expect(most * MIB).toBeLessThan(MAX_HELD_BYTES + 8 * MIB);
  });
});

describe("libp2pFrameStream against a broken peer", () => {
  let libp2p: Libp2p;
  let nodes: TestNodes;
  let reads: Promise<unknown>[] = [];
  let address: string;

  beforeAll(async () => {
    nodes = new TestNodes();
    const node = await nodes.open();
    address = addressOf(node);
    await node.handle(
      "/test/broken/1",
      async (stream) => {
        const read = stream.read();
        reads.push(read);
        await read.catch(() => undefined);
      },
      { maxInboundStreamsPerPeer: 8 },
    );
    libp2p = await plainNode();
  });
  afterAll(async () => {
    await libp2p.stop();
    await nodes[Symbol.asyncDispose]();
  });

  async function send(...pieces: Uint8Array[]): Promise<{ stream: Stream; read: Promise<unknown> }> {
    reads = [];
    const stream = await libp2p.dialProtocol(multiaddr(address), "/test/broken/1");
    for (const piece of pieces) stream.send(piece);
    await expect.poll(() => reads.length).toBe(1);
    return { stream, read: reads[0] as Promise<unknown> };
  }

  it("refuses a frame over the limit by its length prefix alone", async () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(FRAME_STREAM_LIMITS.maxFrameBytes + 1);
    const { read } = await send(length);
    await expect(read).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("refuses text that is no frame and aborts the stream", async () => {
    const { stream, read } = await send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await expect(read).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
    await expect.poll(() => stream.status).not.toBe("open");
  });

  it("refuses an end in the middle of a frame, and in the middle of a length", async () => {
    for (const piece of [Uint8Array.of(0, 0, 0, 9, 1, 2), Uint8Array.of(0, 0)]) {
      const { stream, read } = await send(piece);
      const refused = failure(read);
      await stream.close();
      expect(await refused).toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
    }
  });

  it("distinguishes a lost connection from an end of stream", async () => {
    const { stream, read } = await send();
    const refused = failure(read);
    for (const connection of libp2p.getConnections()) connection.abort(new Error("cable pulled"));
    expect(await refused).toMatchObject({ code: "PEER_UNREACHABLE" });
    expect(stream.status).not.toBe("open");
  });

  it("puts a frame together from single bytes", async () => {
    const { read } = await send(...[0, 0, 0, 3, 65, 66, 67].map((byte) => Uint8Array.of(byte)));
    expect(Buffer.from((await read) as Uint8Array).toString()).toBe("ABC");
  });
});

it("keeps the library's read buffer above the window, or a paused stream would be aborted", () => {
  expect(NETWORK_LIMITS.streamReadBufferBytes).toBeGreaterThan(NETWORK_LIMITS.streamWindowBytes);
});

import { type AddressInfo, createServer, type Socket } from "node:net";
import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { openNode } from "./node.ts";
import { plainNode } from "../../test/network/test-plain-node.ts";
import { addressOf, echo, never, TestNodes } from "../../test/network/test-nodes.ts";
import { until } from "../../test/time/until.ts";

const ECHO = "/test/echo/1";
const LIMIT = { maxInboundStreamsPerPeer: 4 };
const UNKNOWN = "12D3KooWMvupq3c66Npbpkjdnp6wMEud2yuzJKxP9pw2Jbtacp1y";

/** A TCP server that does not speak libp2p. */
async function listening(greet: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dispose = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: dispose };
}

describe("a node", () => {
  it("is dialled by address with and without id, and then by its id", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    await server.handle(ECHO, echo, LIMIT);
    const bare = addressOf(server).replace(/\/p2p\/.*/, "");
    for (const peer of [bare, addressOf(server), server.selfId]) {
      expect(await client.connect(peer, never())).toEqual({ id: server.selfId });
      const stream = await client.open(peer, ECHO, "control", never());
      await stream.write(Buffer.from(peer));
      expect(Buffer.from((await stream.read()) ?? []).toString()).toBe(peer);
      await stream.close();
      expect(await stream.read()).toBeUndefined();
    }
    expect(await client.ping(server.selfId, never())).toBeGreaterThan(0);
    expect(await client.addressesOf(server.selfId)).toContain(addressOf(server));
  });

  it("accepts 20 dials at once from one machine", async () => {
    await using nodes = new TestNodes();
    const server = await nodes.open();
    const address = multiaddr(addressOf(server));
    await using plain = new AsyncDisposableStack();
    const clients = await Promise.all(Array.from({ length: 20 }, plainNode));
    for (const client of clients) plain.defer(() => Promise.resolve(client.stop()));
    const connections = await Promise.all(clients.map((client) => client.dial(address)));
    expect(connections.map((connection) => connection.status)).toEqual(Array(20).fill("open"));
  });

  it("reports a peer's arrival and departure once, however many connections it has", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    await server.handle(ECHO, echo, LIMIT);
    const seen: string[] = [];
    const stop = server.watchPeers((peer, change) => seen.push(`${peer.id === client.selfId ? "client" : "?"} ${change}`));
    server.watchPeers(() => {
      throw new Error("a watcher's own trouble");
    });
    for (const lane of ["control", "bulk"] as const) await client.open(addressOf(server), ECHO, lane, never());
    await until(() => seen.length === 1);
    expect(server.knownPeers()).toEqual([{ id: client.selfId }]);
    await client[Symbol.asyncDispose]();
    await until(() => seen.length === 2);
    expect(seen).toEqual(["client here", "client gone"]);
    expect(server.knownPeers()).toEqual([]);
    stop();
  });

  it("counts peers of another swarm only when they were asked for", async () => {
    await using nodes = new TestNodes();
    const [server, stranger] = [await nodes.open(), await nodes.open({ swarm: "another" })];
    await stranger.connect(addressOf(server), never());
    await systemClock.sleep(300);
    expect(server.knownPeers()).toEqual([]);
    expect(stranger.knownPeers()).toEqual([{ id: server.selfId }]);
  });

  it("keeps its identity and gets new ports", async () => {
    await using nodes = new TestNodes();
    const home = `${process.env["TMPDIR"] ?? "/tmp"}/node-home-${crypto.randomUUID()}`;
    const first = await nodes.open({ home });
    const { selfId } = first;
    await first[Symbol.asyncDispose]();
    expect((await nodes.open({ home })).selfId).toBe(selfId);
  });

  it("reconnects to a peer that came back with its identity at another address", async () => {
    await using nodes = new TestNodes();
    const home = `${process.env["TMPDIR"] ?? "/tmp"}/node-home-${crypto.randomUUID()}`;
    const [first, client] = [await nodes.open({ home }), await nodes.open()];
    await client.connect(addressOf(first), never());
    await first[Symbol.asyncDispose]();
    const again = await nodes.open({ home });
    await again.handle(ECHO, echo, LIMIT);
    await again.connect(addressOf(client), never());
    const stream = await client.open(again.selfId, ECHO, "bulk", never());
    await stream.write(Buffer.from("again"));
    expect(Buffer.from((await stream.read()) ?? []).toString()).toBe("again");
  });
});

describe("a node that cannot reach a peer", () => {
  it("fails at once for a closed port, and soon for one that never answers or is unknown", async () => {
    await using nodes = new TestNodes();
    const client = await nodes.open();
    const startMs = performance.now();
    await expect(client.connect("/ip4/127.0.0.1/tcp/1", never())).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
    await expect(client.open(`/ip4/127.0.0.1/tcp/1/p2p/${UNKNOWN}`, ECHO, "bulk", never())).rejects.toMatchObject({
      code: "PEER_UNREACHABLE",
    });
    const refusedMs = performance.now() - startMs;
    await expect(client.connect(UNKNOWN, never())).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
    await using silent = await listening(() => undefined);
    const silentSinceMs = performance.now();
    await expect(client.connect(silent.address, never())).rejects.toMatchObject({
      code: "PEER_UNREACHABLE",
      message: expect.stringContaining("no answer in time"),
    });
    // A refusal fails at once; silence times out.
    expect(refusedMs).toBeLessThan(performance.now() - silentSinceMs);
  });

  it("fails for a server that does not speak libp2p", async () => {
    await using nodes = new TestNodes();
    const client = await nodes.open();
    await using server = await listening((socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n"));
    await expect(client.connect(server.address, never())).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it("refuses another peer at the address, an invalid address, and itself", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    const wrongId = addressOf(server).replace(/p2p\/.*/, `p2p/${UNKNOWN}`);
    await expect(client.connect(wrongId, never())).rejects.toMatchObject({
      code: "PEER_UNREACHABLE",
      message: expect.stringContaining("another peer"),
    });
    for (const nonsense of ["", "nobody", "/ip4/300.0.0.1/tcp/1", client.selfId]) {
      await expect(client.connect(nonsense, never())).rejects.toMatchObject({ code: "PEER_ADDRESS_INVALID" });
    }
  });

  it("ends a dial by the caller's signal, with the caller's reason", async () => {
    await using nodes = new TestNodes();
    const client = await nodes.open();
    const reason = new Error("changed my mind");
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(reason), 50);
    await using silent = await listening(() => undefined);
    await expect(client.connect(silent.address, cancel.signal)).rejects.toBe(reason);
    await expect(client.open(UNKNOWN, ECHO, "bulk", AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it("fails when a listen address is in use", async () => {
    await using nodes = new TestNodes();
    const port = addressOf(await nodes.open()).split("/")[4];
    const options = { home: undefined, listen: [`/ip4/127.0.0.1/tcp/${port}`], lan: false };
    await expect(openNode(options, { log: silentLog, clock: systemClock }, never())).rejects.toMatchObject({ code: "LISTEN_FAILED" });
  });
});

describe("protocol handlers", () => {
  it("survive errors of a handler, and abort its stream", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    const troubles = [new Error("a bug"), new FarmError("BLOCK_MISSING", "none"), "a string"];
    await server.handle("/test/throws/1", () => Promise.reject(troubles.shift() as Error), LIMIT);
    for (let count = 0; count < 3; count++) {
      const stream = await client.open(addressOf(server), "/test/throws/1", "control", never());
      await expect(stream.read()).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
    }
    await client.ping(server.selfId, never());
  });

  it("limit a peer's concurrent streams over all its connections", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    await server.handle(ECHO, echo, LIMIT);
    const ask = async (lane: "control" | "bulk") => {
      const stream = await client.open(addressOf(server), ECHO, lane, never());
      await stream.write(Buffer.from("?")).catch(() => undefined);
      const answered = await stream.read().then(
        () => true,
        () => false,
      );
      return { stream, answered };
    };
    const asked = [];
    for (const lane of ["control", "control", "control", "bulk", "bulk", "bulk"] as const) asked.push(await ask(lane));
    expect(asked.map(({ answered }) => answered)).toEqual([true, true, true, true, false, false]);
    for (const { stream } of asked.slice(0, 2)) await stream.close();
    await until(async () => (await ask("control")).answered);
  });

  it("are aborted when their node stops", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    let reason: unknown;
    const answer = (_stream: unknown, _peer: unknown, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          resolve();
        });
      });
    await server.handle("/test/stays/1", answer, LIMIT);
    const stream = await client.open(addressOf(server), "/test/stays/1", "control", never());
    await server[Symbol.asyncDispose]();
    expect(reason).toBeDefined();
    expect(await stream.read().catch((error: unknown) => (error as FarmError).code)).toSatisfy(
      (end) => end === undefined || end === "PEER_UNREACHABLE",
    );
  });

  it("wait for a protocol that a peer registers a moment later, and fail when it never does", async () => {
    await using nodes = new TestNodes();
    const [server, client] = [await nodes.open(), await nodes.open()];
    setTimeout(() => void server.handle("/test/late/1", echo, LIMIT), 150);
    await client.open(addressOf(server), "/test/late/1", "control", never());
    await expect(client.open(addressOf(server), "/test/never/1", "control", never())).rejects.toMatchObject({
      code: "PEER_BROKE_PROTOCOL",
    });
  });
});

import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { addressOf, echo, failure, never, TestNodes } from "../../test/network/test-nodes.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { NodeProcess } from "../../test/network/test-process.ts";
import { timeLimitSignal } from "../../test/time/time-limit.ts";
import { until } from "../../test/time/until.ts";

describe("nodes on one network", () => {
  it("find each other without configuration, in one process and across processes", async () => {
    await using nodes = new TestNodes();
    await using other = await NodeProcess.start("lan", nodes.swarm);
    const lan = { lan: true, listen: ["/ip4/0.0.0.0/tcp/0"] };
    const [first, second] = await Promise.all([nodes.open(lan), nodes.open(lan)]);
    for (const [node, others] of [
      [first, [second.selfId, other.peerId]],
      [second, [first.selfId, other.peerId]],
    ] as const) {
      await until(() => others.every((id) => node.knownPeers().some((peer) => peer.id === id)));
    }
    expect(await second.ping(other.peerId, never())).toBeGreaterThan(0);
  });

  it("do not connect to another swarm", async () => {
    await using nodes = new TestNodes();
    const lan = { lan: true, listen: ["/ip4/0.0.0.0/tcp/0"] };
    const [node] = [await nodes.open(lan), await nodes.open({ ...lan, swarm: `${nodes.swarm} other` })];
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(node.knownPeers()).toEqual([]);
  });

  it("can be dialled by id alone right after the start", async () => {
    await using nodes = new TestNodes();
    const lan = { lan: true, listen: ["/ip4/0.0.0.0/tcp/0"] };
    const server = await nodes.open(lan);
    await server.handle("/test/echo/1", echo, { maxInboundStreamsPerPeer: 4 });
    const client = await nodes.open(lan);
    expect(await client.connect(server.selfId, never())).toEqual({ id: server.selfId });
    await client.open(server.selfId, "/test/echo/1", "control", never());
  });

  it("notice that a peer was killed by its connection, not by its silence", async () => {
    await using nodes = new TestNodes();
    await using other = await NodeProcess.start("serve", nodes.swarm);
    const node = await nodes.open();
    const stream = await node.open(other.address, "/test/echo/1", "control", never());
    await node.connect(other.address, never());
    await until(() => node.knownPeers().length === 1);
    let isGone = false;
    node.watchPeers((_, change) => {
      if (change === "gone") isGone = true;
    });
    const reading = failure(stream.read());
    const startMs = performance.now();
    await other.kill();
    expect(await reading).toMatchObject({ code: "PEER_UNREACHABLE" });
    await until(() => isGone);
    expect(performance.now() - startMs).toBeLessThan(NETWORK_LIMITS.silentMs);
  });
});

describe("the DHT", () => {
  it("finds a donor through a bootstrap node", async () => {
    await using nodes = new TestNodes();
    const bootstrap = [addressOf(await nodes.open({ swarm: "of nobody" }))];
    const [donor, requester] = [await nodes.open({ bootstrap }), await nodes.open({ bootstrap })];
    const stop = new AbortController();
    const providing = donor.provide(stop.signal);
    await requester.findDonors(timeLimitSignal(60_000));
    await until(() => requester.knownPeers().some((peer) => peer.id === donor.selfId));
    stop.abort();
    await providing;
  });

  it("returns nothing for a lone node without an error, and stops at once by the caller's signal", async () => {
    await using nodes = new TestNodes();
    const node = await nodes.open();
    const reason = new Error("enough");
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(reason), 100);
    await expect(node.findDonors(cancel.signal)).rejects.toBe(reason);
    const stop = new AbortController();
    const providing = node.provide(stop.signal);
    stop.abort();
    await providing;
  });
});

describe("bootstrap", () => {
  it("retries a peer that is not there yet, and reconnects to one that was away", async () => {
    await using nodes = new TestNodes();
    const first = await nodes.open();
    const bootstrap = [addressOf(first).replace(/\/p2p\/.*/, "")];
    const port = bootstrap[0]?.split("/")[4];
    await first[Symbol.asyncDispose]();
    const node = await nodes.open({ bootstrap });
    for (let round = 0; round < 2; round++) {
      const server = await nodes.open({ listen: [`/ip4/127.0.0.1/tcp/${port}`] });
      await until(() => node.knownPeers().length === 1);
      expect(node.knownPeers()).toEqual([{ id: server.selfId }]);
      await server[Symbol.asyncDispose]();
      await until(() => node.knownPeers().length === 0);
    }
  });
});

it("lets its process exit by itself", async () => {
  await using nodes = new TestNodes();
  await using partner = await nodes.open({ lan: true, listen: ["/ip4/0.0.0.0/tcp/0"] });
  expect(partner.knownPeers()).toEqual([]);
  await using program = await NodeProcess.start("once", nodes.swarm);
  const [code] = await once(program.child, "exit");
  expect(code).toBe(0);
});

import { createSocket } from "node:dgram";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { Beacon } from "./beacon.ts";
import { BEACON_LIMITS, type BeaconMessage, decodeBeacon, encodeBeacon } from "./beacon-message.ts";

const IDS = ["12D3KooWMvupq3c66Npbpkjdnp6wMEud2yuzJKxP9pw2Jbtacp1y", "12D3KooWEK34px7h8F7iJxbhi2NrBbFiK7Y3WUZxK9Y7pDqpjcRu"] as const;
const message: BeaconMessage = { v: 1, swarm: "s", id: IDS[0], addrs: ["/ip4/10.0.0.1/tcp/1"], ask: true };

describe("a beacon message", () => {
  it("comes back as it was sent", () => {
    expect(decodeBeacon(encodeBeacon(message) ?? new Uint8Array())).toEqual(message);
  });

  it("tells as many addresses as fit one packet, and is not sent without any", () => {
    const addrs = Array.from({ length: 100 }, (_, index) => `/ip4/10.0.0.1/tcp/${index}/p2p/${IDS[0]}`);
    const bytes = encodeBeacon({ ...message, addrs }) ?? new Uint8Array();
    expect(bytes.byteLength).toBeLessThanOrEqual(BEACON_LIMITS.maxBytes);
    expect(decodeBeacon(bytes)?.addrs.length).toBeGreaterThan(5);
    expect(encodeBeacon({ ...message, addrs: [] })).toBeUndefined();
    expect(encodeBeacon({ ...message, addrs: ["/x".repeat(100)] })).toBeUndefined();
  });

  it.each([
    Buffer.from("malformed"),
    Buffer.from("null"),
    Buffer.from(JSON.stringify({ ...message, more: 1 })),
    Buffer.from(JSON.stringify({ ...message, v: 2 })),
    Buffer.from(JSON.stringify({ ...message, id: "../../etc" })),
    Buffer.from(JSON.stringify({ ...message, addrs: Array(13).fill("/ip4/1.1.1.1/tcp/1") })),
    Buffer.from(JSON.stringify({ ...message, swarm: "s".repeat(65) })),
    Buffer.alloc(BEACON_LIMITS.maxBytes + 1, 32),
    Buffer.from([0xff, 0xfe, 0]),
  ])("is refused when it is %j", (bytes) => {
    expect(decodeBeacon(bytes)).toBeUndefined();
  });
});

describe("two beacons", () => {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  let stop: AbortController;
  let runs: Promise<void>[];
  beforeEach(() => {
    stop = new AbortController();
    runs = [];
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(runs);
  });

  function start(index: 0 | 1, swarm = "s") {
    const heard: [string, readonly string[]][] = [];
    const deps = { log: silentLog, clock: systemClock, addresses: () => [`/ip4/127.0.0.1/tcp/${4000 + index}`] };
    const beacon = new Beacon({ ...deps, heard: (id, addresses) => heard.push([id, addresses]) }, { id: IDS[index], swarm, port });
    runs.push(beacon.run(stop.signal));
    return heard;
  }

  it("hear each other at once, the newcomer by the other's answer", async () => {
    const first = start(0);
    await systemClock.sleep(1_500);
    expect(first).toEqual([]);
    const second = start(1);
    await expect.poll(() => [first.length > 0, second.length > 0]).toEqual([true, true]);
    expect(second[0]?.[0]).toBe(IDS[0]);
    expect(second[0]?.[1]).toContain("/ip4/127.0.0.1/tcp/4000");
  });

  it("do not hear another swarm", async () => {
    const heards = [start(0), start(1, "other")];
    await systemClock.sleep(500);
    expect(heards).toEqual([[], []]);
  });

  it("answer a flood of questions a few times only, and survive junk", async () => {
    start(0);
    await systemClock.sleep(300);
    let answers = 0;
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    await new Promise<void>((resolve) => socket.bind(port, () => resolve()));
    socket.addMembership("239.255.77.77", "127.0.0.1");
    socket.setMulticastInterface("127.0.0.1");
    socket.on("message", (bytes) => {
      if (decodeBeacon(bytes)?.id === IDS[0]) answers++;
    });
    const question = encodeBeacon({ ...message, id: IDS[1] }) as Uint8Array;
    for (let count = 0; count < 100; count++) {
      socket.send(question, port, "239.255.77.77");
      socket.send("malformed", port, "239.255.77.77");
      if (count % 10 === 9) await systemClock.sleep(20);
    }
    await systemClock.sleep(400);
    socket.close();
    // One asker's loopback copy per interface and answer; 600 ms hold three answers.
    expect(answers).toBeGreaterThan(0);
    expect(answers).toBeLessThan(20);
  });
});

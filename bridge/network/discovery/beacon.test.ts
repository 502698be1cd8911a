import { createSocket } from "node:dgram";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";
import { until } from "../../test/time/until.ts";
import { Beacon } from "./beacon.ts";
import { BEACON_LIMITS, type BeaconMessage, decodeBeacon, encodeBeacon } from "./beacon-message.ts";

const IDS = ["12D3KooWMvupq3c66Npbpkjdnp6wMEud2yuzJKxP9pw2Jbtacp1y", "12D3KooWEK34px7h8F7iJxbhi2NrBbFiK7Y3WUZxK9Y7pDqpjcRu"] as const;
const message: BeaconMessage = { v: 1, swarm: "s", id: IDS[0], addrs: ["/ip4/10.0.0.1/tcp/1"], ask: true };

describe("a beacon message", () => {
  it("is read back as it was sent", () => {
    expect(decodeBeacon(encodeBeacon(message) ?? new Uint8Array())).toEqual(message);
  });

  it("holds as many addresses as fit one packet, and is not encoded when there is none", () => {
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
    const clock = new SteppedClock();
    let sends = 0;
    const addresses = () => {
      sends++;
      return [`/ip4/127.0.0.1/tcp/${4000 + index}`];
    };
    const deps = { log: silentLog, clock, addresses };
    const beacon = new Beacon({ ...deps, heard: (id, told) => heard.push([id, told]) }, { id: IDS[index], swarm, port });
    runs.push(beacon.run(stop.signal));
    /** Advances time in small steps until a condition is true. */
    const pass = async (what: () => boolean) => {
      await until(() => {
        if (!what()) clock.advance(20);
        return what();
      });
    };
    const asked = () => pass(() => sends === BEACON_LIMITS.asksAtMs.length);
    return { heard, clock, pass, asked, sends: () => sends };
  }

  it("discover each other at once, the newcomer by the other's answer", async () => {
    const first = start(0);
    await first.asked();
    expect(first.heard).toEqual([]);
    const second = start(1);
    await second.pass(() => first.heard.length > 0);
    const askedMs = first.clock.monotonicMs();
    await first.pass(() => second.heard.length > 0);
    expect(first.clock.monotonicMs() - askedMs, "long before it would tell of itself unasked").toBeLessThan(
      BEACON_LIMITS.announceEveryMs / 2,
    );
    expect(second.heard[0]?.[0]).toBe(IDS[0]);
    expect(second.heard[0]?.[1]).toContain("/ip4/127.0.0.1/tcp/4000");
  });

  it("ignore another swarm", async () => {
    const both = [start(0), start(1, "other")];
    for (const beacon of both) await beacon.asked();
    await systemClock.sleep(200);
    expect(both.map(({ heard }) => heard)).toEqual([[], []]);
  });

  it("answer a flood of queries only a few times, and survive malformed packets", async () => {
    const beacon = start(0);
    await beacon.asked();
    const [asks, startMs] = [beacon.sends(), beacon.clock.monotonicMs()];
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, () => resolve()));
    socket.setMulticastInterface("127.0.0.1");
    const question = encodeBeacon({ ...message, id: IDS[1] }) as Uint8Array;
    for (let count = 0; count < 100; count++) {
      socket.send(question, port, "239.255.77.77");
      socket.send("malformed", port, "239.255.77.77");
      if (count % 10 !== 9) continue;
      beacon.clock.advance(60);
      await systemClock.sleep(5);
    }
    await beacon.pass(() => beacon.sends() > asks);
    socket.close();
    const passedMs = beacon.clock.monotonicMs() - startMs;
    expect(beacon.heard.length, "questions that came").toBeGreaterThan(50);
    expect(beacon.sends() - asks).toBeLessThanOrEqual(Math.ceil(passedMs / BEACON_LIMITS.answerEveryMs));
  });
});

import { networkInterfaces } from "node:os";
import { connect } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LINE, openClient, openTestGateway } from "./fixtures/gateway-kit.ts";
import { GATEWAY_LIMITS } from "./wire/limits.ts";

let test: Awaited<ReturnType<typeof openTestGateway>>;
beforeEach(async () => {
  test = await openTestGateway();
});
afterEach(() => test.close());

const client = (token = test.token) => openClient(test.port, { token });

describe("a client that knows the token", () => {
  it("can connect by both loopback addresses, and call methods", async () => {
    for (const host of ["127.0.0.1", "[::1]"]) {
      const { greeting, ask } = await openClient(test.port, { token: test.token, host });
      expect(greeting).toMatchObject({ type: "welcome", protocol: 1, session: "s" });
      expect(await ask("jobs.submit", { scenePath: `/${host}.blend` })).toMatchObject({ type: "reply", result: { job: LINE.job } });
    }
    expect(test.asked).toEqual(["jobs.submit /127.0.0.1.blend", "jobs.submit /[::1].blend"]);
  });

  it("gets an error that names its mistake, and stays connected", async () => {
    const { ask } = await client();
    const unknown = await ask("jobs.explode");
    expect(unknown).toMatchObject({ type: "failure", error: { code: "WIRE_INVALID" } });
    for (const inherited of ["toString", "constructor", "__proto__"]) {
      expect(await ask(inherited)).toMatchObject({ type: "failure", error: { code: "WIRE_INVALID" } });
    }
    expect(await ask("jobs.submit", { scenePath: 7 })).toMatchObject({
      error: { code: "WIRE_INVALID", message: expect.stringContaining("scenePath") },
    });
    expect(await ask("jobs.watch", { job: "nobody" })).toMatchObject({ error: { code: "JOB_UNKNOWN" } });
    expect(await ask("jobs.retry", { job: LINE.job })).toMatchObject({ error: { code: "BUG" } });
    expect(await ask("jobs.list")).toMatchObject({ type: "reply", result: { jobs: [LINE] } });
  });

  it("continues watching a job from an event number, without lost or repeated events", async () => {
    const note = (message: string) => test.events.push(0, { event: "note", code: "n", message });
    for (const message of ["a", "b", "c"]) note(message);
    const { ask, frames, frame } = await client();
    expect(await ask("jobs.watch", { job: LINE.job, from: 1 })).toMatchObject({ result: { first: 1, next: 3, summary: LINE } });
    note("d");
    await frame((each) => each.type === "event" && each.seq === 3);
    expect(frames.flatMap((each) => (each.type === "event" ? [[each.seq, each.event]] : []))).toEqual([
      [1, { event: "note", code: "n", message: "b" }],
      [2, { event: "note", code: "n", message: "c" }],
      [3, { event: "note", code: "n", message: "d" }],
    ]);
    await ask("jobs.unwatch", { job: LINE.job });
    note("e");
    await ask("jobs.list");
    expect(frames.filter(({ type }) => type === "event")).toHaveLength(3);
  });

  it("an event number in the future waits for that event", async () => {
    const { ask, frame } = await client();
    expect(await ask("jobs.watch", { job: LINE.job, from: 99 })).toMatchObject({ result: { first: 0, next: 0 } });
    test.events.push(0, { event: "note", code: "n", message: "first" });
    expect(await frame(({ type }) => type === "event")).toMatchObject({ seq: 0 });
  });

  it("watches the swarm until it unsubscribes", async () => {
    const { ask, frame } = await client();
    await ask("swarm.status", { watch: true });
    expect(test.watchers.size).toBe(1);
    for (const seen of test.watchers) seen(test.status);
    expect(await frame(({ type }) => type === "swarm")).toMatchObject({ status: { swarm: "test" } });
    await ask("swarm.status");
    expect(test.watchers.size).toBe(0);
  });

  it("that disconnects ends its subscriptions and pending calls", async () => {
    const { socket, ask, closed } = await client();
    await ask("swarm.status", { watch: true });
    void ask("scene.check", { scenePath: "/s.blend" });
    await ask("jobs.list");
    socket.close();
    await closed;
    await test.aborted;
    await expect.poll(() => test.watchers.size).toBe(0);
  });
});

describe("a client without the token", () => {
  it("is refused with a message, whatever its token looks like", async () => {
    for (const token of ["", "x", test.token.slice(1), test.token.toUpperCase()]) {
      const { greeting, closed } = await client(token);
      expect(greeting).toMatchObject({ type: "refused", error: { code: "TOKEN_WRONG" } });
      expect(await closed).toBe(1008);
    }
    expect(test.asked).toEqual([]);
  });

  it("delays all new clients after a few tries; connected clients stay", async () => {
    const inside = await client();
    for (let count = 0; count < GATEWAY_LIMITS.maxAuthFailures; count++) await (await client("wrong")).closed;
    await expect(client()).rejects.toThrow("429");
    expect(await inside.ask("jobs.list")).toMatchObject({ type: "reply" });
  });

  it("with another protocol version gets an error about the version, whatever its hello looks like", async () => {
    const { greeting } = await openClient(test.port, { token: test.token, protocol: 2 });
    expect(greeting).toMatchObject({ type: "refused", protocol: 1, error: { code: "WIRE_VERSION" } });
    const later = await openEarly(test.port, JSON.stringify({ type: "hello", protocol: 7, key: { kind: "other" } }));
    expect(later).toMatchObject({ type: "refused", protocol: 1, error: { code: "WIRE_VERSION" } });
  });

  it("that calls a method before its hello is refused", async () => {
    const early = await openEarly(test.port, JSON.stringify({ type: "request", id: 1, method: "jobs.list", params: {} }));
    expect(early).toMatchObject({ type: "refused", error: { code: "WIRE_INVALID" } });
    for (const junk of ["{", "null", "[]", '"hello"', JSON.stringify({ type: "hello", protocol: 1 })]) {
      expect(await openEarly(test.port, junk), junk).toMatchObject({ type: "refused" });
    }
  });
});

describe("limits", () => {
  it("a frame over the limit, an unexpected binary one, and one that is no request end the connection, not the bridge", async () => {
    for (const bad of ["x".repeat(GATEWAY_LIMITS.maxFrameBytes + 1), Buffer.from([1, 2, 3]), '{"type":"hello"}']) {
      const { socket, closed } = await client();
      socket.send(bad);
      expect([1003, 1008, 1009]).toContain(await closed);
    }
    expect((await client()).greeting.type).toBe("welcome");
  });

  it("a client with too many pending calls gets an error", async () => {
    const { ask } = await client();
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask("jobs.list")));
    expect(answers.some((answer) => answer.type === "failure" && answer.error.code === "WIRE_BUSY")).toBe(true);
    expect(answers.some(({ type }) => type === "reply")).toBe(true);
  });

  it("a client that does not read is disconnected, and the bridge's memory does not grow", async () => {
    const { socket, ask, closed } = await client();
    await ask("jobs.watch", { job: LINE.job });
    socket.pause();
    const message = "x".repeat(100_000);
    // The system's own buffers hold some of it first.
    for (let count = 0; count < 1_000 && test.gateway.clients > 0; count++) {
      test.events.push(0, { event: "note", code: "n", message });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => test.gateway.clients).toBe(0);
    socket.resume();
    expect(await closed).toBe(1006);
  });

  it("the number of clients is limited", async () => {
    for (let count = 0; count < GATEWAY_LIMITS.maxClients; count++) await client();
    await expect(client()).rejects.toThrow("503");
  });
});

it("cannot be reached from another machine", async () => {
  const outward = Object.values(networkInterfaces())
    .flat()
    .flatMap((each) => (each !== undefined && !each.internal && each.family === "IPv4" ? [each.address] : []));
  // On Linux all of 127/8 is local: one more address that is not the bridge's.
  const addresses = process.platform === "linux" ? [...outward, "127.0.0.2"] : outward;
  expect(addresses.length).toBeGreaterThan(0);
  for (const host of addresses) {
    const socket = connect({ port: test.port, host });
    await expect(once(socket, "connect")).rejects.toThrow("ECONNREFUSED");
  }
});

it("a bridge that stops sends a goodbye", async () => {
  const { closed } = await client();
  await test.gateway[Symbol.asyncDispose]();
  expect(await closed).toBe(1001);
});

async function openEarly(port: number, text: string) {
  const { WebSocket } = await import("ws");
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(socket, "open");
  socket.send(text);
  const [data] = (await once(socket, "message")) as [Buffer];
  return JSON.parse(data.toString("utf8")) as unknown;
}

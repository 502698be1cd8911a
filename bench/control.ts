import { systemClock } from "../bridge/kernel/time/clock.ts";
import { never, TestNodes } from "../bridge/test/network/test-nodes.ts";
import { NodeProcess } from "../bridge/test/network/test-process.ts";
import type { FrameStream } from "../bridge/protocols/frame-stream.ts";

/**
 * The latency of a small message during scene transfers: `npm run bench -- control`. Two streams send at full speed over
 * the bulk connection; messages make round trips on the control connection. Meaningful only on an idle machine.
 */

const MIB = 1024 * 1024;
const MESSAGES = 200;
const PAUSE_MS = 10;

/** Round trips of messages, in milliseconds, fastest first. */
async function beats(stream: FrameStream): Promise<readonly number[]> {
  const timesMs: number[] = [];
  while (timesMs.length < MESSAGES) {
    const startMs = performance.now();
    await stream.write(new Uint8Array(32));
    await stream.read();
    timesMs.push(performance.now() - startMs);
    await systemClock.sleep(PAUSE_MS);
  }
  return timesMs.toSorted((a, b) => a - b);
}

async function pull(stream: FrameStream, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  while (!signal.aborted) bytes += (await stream.read())?.byteLength ?? 0;
  stream.abort(new Error("enough"));
  return bytes;
}

function row(name: string, timesMs: readonly number[]): string {
  const at = (share: number) => (timesMs[Math.floor(timesMs.length * share)] ?? Number.NaN).toFixed(1);
  return `| ${name} | ${at(0.5)} | ${at(0.9)} | ${at(0.99)} |`;
}

await using nodes = new TestNodes();
await using server = await NodeProcess.start("serve", nodes.swarm);
const client = await nodes.open();
const open = (protocol: string, lane: "control" | "bulk") => client.open(server.address, protocol, lane, never());
const heartbeat = await open("/test/echo/1", "control");
const idle = await beats(heartbeat);
const stop = new AbortController();
const startMs = performance.now();
const streams = [await open("/test/pour/1", "bulk"), await open("/test/pour/1", "bulk")];
const pulling = streams.map((stream) => pull(stream, stop.signal));
const beside = await beats(heartbeat);
stop.abort();
const bytes = (await Promise.all(pulling)).reduce((sum, each) => sum + each, 0);
const speed = bytes / MIB / ((performance.now() - startMs) / 1_000);
console.log("| control messages, ms | p50 | p90 | p99 |\n|---|---|---|---|");
console.log(row("nothing else moves", idle));
console.log(row(`beside ${speed.toFixed(0)} MiB/s`, beside));

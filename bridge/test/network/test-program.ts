import { systemClock } from "../../kernel/time/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import type { FrameStream } from "../../protocols/frame-stream.ts";
import { openNode } from "../../network/node/node.ts";

/** `test-program.ts serve|lan|once <swarm>`: a node for tests; prints one line of JSON when it listens. */
const [role, swarm = "test"] = process.argv.slice(2);

async function echo(stream: FrameStream, _peer: unknown, signal: AbortSignal): Promise<void> {
  for (let frame = await stream.read(signal); frame; frame = await stream.read(signal)) await stream.write(frame, signal);
}

async function pour(stream: FrameStream, _peer: unknown, signal: AbortSignal): Promise<void> {
  const frame = new Uint8Array(1024 * 1024);
  while (true) await stream.write(frame, signal);
}

const lan = role !== "serve";
const listen = lan ? {} : { listen: ["/ip4/127.0.0.1/tcp/0"] };
const node = await openNode(
  { home: undefined, swarm, lan, ...listen },
  { log: silentLog, clock: systemClock },
  new AbortController().signal,
);
await node.handle("/test/echo/1", echo, { maxInboundStreamsPerPeer: 8 });
await node.handle("/test/pour/1", pour, { maxInboundStreamsPerPeer: 8 });
process.stdout.write(`${JSON.stringify({ peerId: node.selfId, address: node.multiaddrs()[0] })}\n`);
if (role === "once") {
  await systemClock.sleep(300);
  await node[Symbol.asyncDispose]();
  process.stdin.destroy();
}

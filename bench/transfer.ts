import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { blocksOf } from "../bridge/content/bundle/manifest.ts";
import { packBundle } from "../bridge/content/bundle/pack.ts";
import { abortable } from "../bridge/kernel/abort.ts";
import { systemClock } from "../bridge/kernel/time/clock.ts";
import { FarmError } from "../bridge/kernel/errors.ts";
import { sha256 } from "../bridge/kernel/ids.ts";
import { silentLog } from "../bridge/kernel/log.ts";
import { systemWorld } from "../bridge/kernel/world.ts";
import { openNode, type SwarmNode } from "../bridge/network/node/node.ts";
import { fetchBlocks } from "../bridge/protocols/blocks/fetch-blocks.ts";
import { BLOCKS_LIMITS, BLOCKS_PROTOCOL } from "../bridge/protocols/blocks/messages.ts";
import type { BlockSink, WantedBlock } from "../bridge/protocols/blocks/ports.ts";
import { serveBlocks } from "../bridge/protocols/blocks/serve-blocks.ts";
import { FRAME_STREAM_LIMITS, type FrameStream } from "../bridge/protocols/frame-stream.ts";

/**
 * How fast a scene moves over libp2p with Noise, against the same blocks protocol over a plain TCP
 * socket: two processes, a real file on one side, SHA-256 on both, medians of interleaved runs.
 * Prints one JSON line. `node bench/transfer.ts [MiB] [runs]`
 */
const SWARM = "bench transfer";
const never = new AbortController().signal;

const Ready = z.object({
  tcpPort: z.int(),
  multiaddr: z.string(),
  peerId: z.string(),
  wanted: z.array(z.object({ hash: z.string(), bytes: z.int() })),
});

async function openBenchNode(): Promise<SwarmNode> {
  return await openNode(
    { home: undefined, listen: ["/ip4/127.0.0.1/tcp/0"], lan: false, swarm: SWARM },
    { log: silentLog, clock: systemClock },
    never,
  );
}

/** The child: packs the file and answers over both. */
async function serve(path: string): Promise<void> {
  const packed = await packBundle([{ path, kind: "blend", missing: false }], {}, never);
  const policy = { mayHave: () => true };
  const node = await openBenchNode();
  await node.handle(BLOCKS_PROTOCOL, (stream, _peer, signal) => serveBlocks(stream, packed.source, policy, signal), {
    maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer,
  });
  const server = createServer(
    { noDelay: true },
    (socket) => void serveBlocks(new SocketFrameStream(socket), packed.source, policy, never).catch(() => {}),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const wanted = blocksOf(packed.manifest).map((block) => ({ hash: block.sha256, bytes: block.bytes }));
  process.send?.({ tcpPort: address.port, multiaddr: node.multiaddrs()[0], peerId: node.selfId, wanted });
  process.once("disconnect", () => process.exit(0));
}

async function measure(mebibytes: number, runs: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-transfer-"));
  let child: ChildProcess | undefined;
  try {
    const path = join(folder, "scene.blend");
    await writeFile(path, randomBytes(mebibytes * 1024 * 1024));
    child = fork(import.meta.filename, ["serve", path]);
    const [message] = await new Promise<unknown[]>((resolve, reject) => {
      child?.once("message", (...all) => resolve(all)).once("exit", () => reject(new Error("the serving side ended")));
    });
    const ready = Ready.parse(message);
    await using node = await openBenchNode();
    const overLibp2p = (signal: AbortSignal) => node.open(ready.multiaddr, BLOCKS_PROTOCOL, "bulk", signal);
    const overTcp = async () => new SocketFrameStream(await dial(ready.tcpPort));
    const speeds = { libp2p: [] as number[], tcp: [] as number[] };
    // The first round warms both up: connection, code, page cache.
    for (let run = 0; run <= runs; run++) {
      const tcp = await fetchOnce(ready.wanted, overTcp);
      const libp2p = await fetchOnce(ready.wanted, overLibp2p);
      if (run === 0) continue;
      speeds.tcp.push(tcp);
      speeds.libp2p.push(libp2p);
    }
    const ratio = round(median(speeds.libp2p) / median(speeds.tcp));
    console.log(
      JSON.stringify({
        bench: "transfer",
        mebibytes,
        runs,
        unit: "MB/s",
        tcp: speeds.tcp.map(round),
        libp2p: speeds.libp2p.map(round),
        medianTcp: round(median(speeds.tcp)),
        medianLibp2p: round(median(speeds.libp2p)),
        ratio,
      }),
    );
  } finally {
    child?.disconnect();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Megabytes per second of one whole fetch, including opening the stream. */
async function fetchOnce(wanted: readonly WantedBlock[], open: (signal: AbortSignal) => Promise<FrameStream>): Promise<number> {
  const bytes = wanted.reduce((sum, block) => sum + block.bytes, 0);
  const startedMs = performance.now();
  await fetchBlocks(
    {
      world: systemWorld,
      wanted,
      requester: { id: "requester", addrs: [] },
      sources: () => [],
      open: (_peer, signal) => open(signal),
      store: new CheckingSink(),
    },
    never,
  );
  return bytes / 1e3 / (performance.now() - startedMs);
}

/** Verifies and discards, so that the disk is not measured. */
class CheckingSink implements BlockSink {
  has(): boolean {
    return false;
  }

  async put(hash: string, bytes: Uint8Array): Promise<void> {
    if (sha256(bytes) !== hash) throw new FarmError("BLOCK_CORRUPT", "a block does not match its hash");
  }
}

/** Frames with a four-byte length over a plain socket. */
class SocketFrameStream implements FrameStream {
  readonly time = systemWorld;
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    socket.on("error", () => {});
  }

  async write(frame: Uint8Array, signal: AbortSignal = never): Promise<void> {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(frame.length);
    this.#socket.cork();
    this.#socket.write(header);
    const isFlowing = this.#socket.write(frame);
    this.#socket.uncork();
    if (!isFlowing) await abortable(new Promise<void>((resolve) => this.#socket.once("drain", resolve)), signal);
  }

  async read(signal: AbortSignal = never): Promise<Uint8Array | undefined> {
    const header = await this.#take(4, signal);
    if (header === undefined) return undefined;
    const length = Buffer.from(header).readUInt32BE();
    if (length > FRAME_STREAM_LIMITS.maxFrameBytes) throw new FarmError("PEER_BROKE_PROTOCOL", "a frame is over the limit");
    return await this.#take(length, signal);
  }

  async close(): Promise<void> {
    this.#socket.end();
  }

  abort(error: Error): void {
    this.#socket.destroy(error);
  }

  async #take(length: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const taken = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (this.#rest.length === 0) {
        const next = await abortable(this.#chunks.next(), signal);
        if (next.done) return undefined;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return taken;
  }
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

const [mode = "128", argument] = process.argv.slice(2);
if (mode === "serve") await serve(argument ?? "");
else await measure(Number(mode), Number(argument ?? 3));

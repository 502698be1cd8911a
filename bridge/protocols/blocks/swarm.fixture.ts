import { randomBytes } from "node:crypto";
import { FarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import type { FrameStream } from "../frame-stream.ts";
import { streamPair } from "../stream-pair.ts";
import type { BlockPeer } from "./messages.ts";
import type { BlockReader, BlockSink, WantedBlock } from "./ports.ts";
import { serveBlocks, type ServePolicy } from "./serve-blocks.ts";

/** A store in memory with the promises of the real one. */
export class MemoryStore implements BlockReader, BlockSink {
  readonly blocks = new Map<string, Uint8Array>();
  puts = 0;

  has(hash: string): boolean {
    return this.blocks.has(hash);
  }

  async sizeOf(hash: string): Promise<number | undefined> {
    return this.blocks.get(hash)?.length;
  }

  async read(hash: string, offset: number, length: number): Promise<Uint8Array> {
    const bytes = this.blocks.get(hash);
    if (!bytes) throw new FarmError("BLOCK_MISSING", "not in memory");
    return bytes.subarray(offset, offset + length);
  }

  async put(hash: string, bytes: Uint8Array): Promise<void> {
    if (sha256(bytes) !== hash) throw new FarmError("BLOCK_CORRUPT", "bytes do not match");
    this.puts++;
    this.blocks.set(hash, bytes);
  }

  static of(count: number, bytes: number): { store: MemoryStore; wanted: WantedBlock[] } {
    const store = new MemoryStore();
    const wanted = Array.from({ length: count }, () => {
      const block = new Uint8Array(randomBytes(bytes));
      store.blocks.set(sha256(block), block);
      return { hash: sha256(block), bytes };
    });
    return { store, wanted };
  }
}

interface Node {
  readonly source: BlockReader;
  readonly policyFor: (from: string) => ServePolicy;
}

/** Nodes that reach each other in memory; counts what each gave. */
export class MemorySwarm {
  readonly #nodes = new Map<string, Node>();
  readonly #streams = new Map<string, Set<FrameStream>>();
  readonly #serving = new Set<Promise<void>>();
  readonly bytesGiven = new Map<string, number>();
  /** Every message and piece that a node wrote, before it goes out. */
  tamper: (from: string, frame: Uint8Array) => Uint8Array = (_from, frame) => frame;

  join(id: string, source: BlockReader, policyFor: (from: string) => ServePolicy = () => ({ mayHave: () => true })): BlockPeer {
    this.#nodes.set(id, { source, policyFor });
    return { id, addrs: [] };
  }

  /** Cuts all streams of a node; nobody reaches it any more. */
  kill(id: string): void {
    this.#nodes.delete(id);
    for (const stream of this.#streams.get(id) ?? []) stream.abort(new Error("killed"));
  }

  opener(asker: string): (peer: BlockPeer) => Promise<FrameStream> {
    return async (peer) => {
      const node = this.#nodes.get(peer.id);
      if (!node) throw new FarmError("PEER_UNREACHABLE", "nobody there");
      const [near, far] = streamPair();
      const streams = this.#streams.get(peer.id) ?? new Set();
      this.#streams.set(peer.id, streams.add(far));
      const counted = this.#counting(peer.id, far);
      const served = serveBlocks(counted, node.source, node.policyFor(asker), new AbortController().signal).catch(() => {});
      this.#serving.add(served.finally(() => streams.delete(far)));
      return near;
    };
  }

  async settled(): Promise<void> {
    await Promise.all(this.#serving);
  }

  #counting(id: string, stream: FrameStream): FrameStream {
    return {
      write: async (frame, signal) => {
        this.bytesGiven.set(id, (this.bytesGiven.get(id) ?? 0) + frame.length);
        await stream.write(this.tamper(id, frame), signal);
      },
      read: (signal) => stream.read(signal),
      close: () => stream.close(),
      abort: (error) => stream.abort(error),
    };
  }
}

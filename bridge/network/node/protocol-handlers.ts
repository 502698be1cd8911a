import type { Libp2p } from "@libp2p/interface";
import { childSignal, isAbort } from "../../kernel/abort.ts";
import { isFarmError, messageOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import type { FrameStream, RemotePeer } from "../../protocols/frame-stream.ts";
import { type Libp2pFrameStream, libp2pFrameStream } from "../connections/libp2p-frame-stream.ts";

export type StreamHandler = (stream: FrameStream, peer: RemotePeer, signal: AbortSignal) => Promise<void>;

/** Runs handlers for incoming streams, and joins them on stop. */
export class ProtocolHandlers {
  readonly #libp2p: Libp2p;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #running = new TrackedTasks();

  constructor(deps: { libp2p: Libp2p; log: Log }) {
    this.#libp2p = deps.libp2p;
    this.#log = deps.log;
  }

  async handle(protocol: string, answer: StreamHandler, options: { readonly maxInboundStreamsPerPeer: number }): Promise<void> {
    const openByPeer = new Map<string, number>();
    await this.#libp2p.handle(
      protocol,
      (raw, connection) => {
        // In the same tick: bytes that arrive before a listener are held in a small buffer.
        const stream = libp2pFrameStream(raw);
        const peer: RemotePeer = { id: connection.remotePeer.toString() };
        const open = openByPeer.get(peer.id) ?? 0;
        if (open >= options.maxInboundStreamsPerPeer || this.#stop.signal.aborted) {
          stream.abort(new Error("too many streams of this protocol"));
          return;
        }
        openByPeer.set(peer.id, open + 1);
        const run = this.#run(protocol, stream, peer, answer).finally(() => {
          const left = (openByPeer.get(peer.id) ?? 1) - 1;
          if (left > 0) openByPeer.set(peer.id, left);
          else openByPeer.delete(peer.id);
        });
        void this.#running.add(run);
      },
      // The library counts per connection, and a peer has several: our limit decides.
      { maxInboundStreams: options.maxInboundStreamsPerPeer + 1, maxOutboundStreams: 256 },
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running.settle();
  }

  async #run(protocol: string, stream: Libp2pFrameStream, peer: RemotePeer, answer: StreamHandler): Promise<void> {
    using child = childSignal(this.#stop.signal);
    // Also for a handler that waits for its stream and ignores the signal.
    child.signal.addEventListener("abort", () => stream.abort(new Error("this node is stopping")), { once: true });
    try {
      await answer(stream, peer, child.signal);
      await stream.finish(child.signal);
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(messageOf(error)));
      const fields = { protocol, peer: peer.id, err: error };
      if (isFarmError(error) || isAbort(error)) this.#log.debug(fields, "a protocol handler ended early");
      else this.#log.error(fields, "a protocol handler failed");
    }
  }
}

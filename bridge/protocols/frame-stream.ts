import type { Time } from "../kernel/world.ts";

/**
 * Length-prefixed frames over one stream, with back-pressure both ways. The network room makes them from libp2p streams.
 *
 * When the far side aborts, or the connection is lost before it ended its writing, `read` and `write`
 * throw PEER_UNREACHABLE. A broken frame (too long, cut short) throws PEER_BROKE_PROTOCOL. One read at a time.
 */
export interface FrameStream {
  /** The clock for time limits on the far side. */
  readonly time: Time;
  /**
   * Waits while the far side is slow. Frames over `FRAME_STREAM_LIMITS.maxFrameBytes` are refused here already (RangeError).
   * The bytes belong to the stream from now on: do not change them. After an abort of the wait the frame is still sent.
   */
  write(frame: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** The next frame; undefined when the far side has ended its writing. After an abort reading may continue: no frame is lost. */
  read(signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Ends our writing cleanly, once all is sent; the far side may go on writing. */
  close(): Promise<void>;
  /** Ends both ways at once; own reads and writes then throw `error`. */
  abort(error: Error): void;
}

/** Limits on every number that a peer sends. */
export const FRAME_STREAM_LIMITS = {
  /** One bulk piece, plus its header. */
  maxFrameBytes: 1024 * 1024 + 64,
} as const;

/** A peer whose key the network verified, with what is needed to answer it. */
export interface RemotePeer {
  /** libp2p peer id in its text form: "12D3KooW…". */
  readonly id: string;
}

/** Port: the network as needed by protocols. */
export interface SwarmNetwork {
  readonly selfId: string;
  /** Own dialable addresses, each ending in /p2p/<selfId>. */
  multiaddrs(): readonly string[];
  /** Registers a protocol handler; `answer` owns the stream. An error inside it only aborts the stream. */
  handle(
    protocol: string,
    answer: (stream: FrameStream, peer: RemotePeer, signal: AbortSignal) => Promise<void>,
    options: { readonly maxInboundStreamsPerPeer: number },
  ): Promise<void>;
  /**
   * Opens a stream to a peer (by peer id or multiaddr). `control` and `bulk` use separate
   * connections, so that heartbeats stay prompt during transfers.
   * Throws PEER_UNREACHABLE, PEER_ADDRESS_INVALID, and PEER_BROKE_PROTOCOL when the peer does not speak the protocol.
   */
  open(peer: string, protocol: string, lane: "control" | "bulk", signal: AbortSignal): Promise<FrameStream>;
  /** Connects (if needed) and returns the verified peer id. Throws PEER_UNREACHABLE, PEER_ADDRESS_INVALID. */
  connect(peer: string, signal: AbortSignal): Promise<RemotePeer>;
  /** The currently connected peers of this swarm, and those given to `connect`. */
  knownPeers(): readonly RemotePeer[];
  /** Addresses of a connected or discovered peer, each with /p2p/<id>. */
  addressesOf(peerId: string): Promise<readonly string[]>;
  /** Calls back for each peer that connects or disconnects (last connection closed); returns a stop function. */
  watchPeers(seen: (peer: RemotePeer, change: "here" | "gone") => void): () => void;
  /** Round trip in milliseconds. */
  ping(peerId: string, signal: AbortSignal): Promise<number>;
  /** Announces this node as a donor in the DHT; refreshed until the signal aborts, then resolves. */
  provide(signal: AbortSignal): Promise<void>;
  /** Searches donors in the DHT, connecting to those found; results are hints. */
  findDonors(signal: AbortSignal): Promise<void>;
}

import type { Time } from "../kernel/world.ts";

/**
 * Length-prefixed frames over one stream, with back-pressure both ways. The network room makes them from libp2p streams.
 *
 * When the far side aborts, or the connection is lost before it ended its writing, `read` and `write`
 * throw PEER_UNREACHABLE. A broken frame (too long, cut short) throws PEER_BROKE_PROTOCOL. One read at a time.
 */
export interface FrameStream {
  /** By which waits for the far side are counted. */
  readonly time: Time;
  /**
   * Waits while the far side is slow. Frames over `FRAME_STREAM_LIMITS.maxFrameBytes` are refused here already (RangeError).
   * The bytes belong to the stream from here on: do not change them. When the signal ends the wait, the frame is still sent.
   */
  write(frame: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** The next frame; undefined when the far side has ended its writing. After the signal ended a wait, reading may go on: no frame is lost. */
  read(signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Ends our writing cleanly, once all is sent; the far side may go on writing. */
  close(): Promise<void>;
  /** Ends both ways at once; own reads and writes then throw `error`. */
  abort(error: Error): void;
}

/** Every number a stranger could choose for us. */
export const FRAME_STREAM_LIMITS = {
  /** One bulk piece, plus its header. */
  maxFrameBytes: 1024 * 1024 + 64,
} as const;

/** A peer as the network proved it (its key), with what is needed to answer it. */
export interface RemotePeer {
  /** libp2p peer id in its text form: "12D3KooW…". */
  readonly id: string;
}

/** Port: what protocols need of a network. */
export interface SwarmNetwork {
  readonly selfId: string;
  /** Own dialable addresses, each ending in /p2p/<selfId>. */
  multiaddrs(): readonly string[];
  /** Answers a protocol; `answer` owns the stream. A throw inside it aborts the stream and nothing else. */
  handle(
    protocol: string,
    answer: (stream: FrameStream, peer: RemotePeer, signal: AbortSignal) => Promise<void>,
    options: { readonly maxInboundStreamsPerPeer: number },
  ): Promise<void>;
  /**
   * Opens a stream to a peer (by peer id or multiaddr). `control` and `bulk` use connections of their
   * own, so that heartbeats stay prompt while scenes move.
   * Throws PEER_UNREACHABLE, PEER_ADDRESS_INVALID, and PEER_BROKE_PROTOCOL when the peer does not speak the protocol.
   */
  open(peer: string, protocol: string, lane: "control" | "bulk", signal: AbortSignal): Promise<FrameStream>;
  /** Connects (if need be) and returns the proved peer id. Throws PEER_UNREACHABLE, PEER_ADDRESS_INVALID. */
  connect(peer: string, signal: AbortSignal): Promise<RemotePeer>;
  /** The peers of this swarm that are connected right now, and those that `connect` was asked for. */
  knownPeers(): readonly RemotePeer[];
  /** Addresses of a peer we are connected to or have heard of, each with /p2p/<id>. */
  addressesOf(peerId: string): Promise<readonly string[]>;
  /** Calls back for each peer that appears (connected) or goes (last connection closed); returns how to stop. */
  watchPeers(seen: (peer: RemotePeer, change: "here" | "gone") => void): () => void;
  /** Round trip in milliseconds. */
  ping(peerId: string, signal: AbortSignal): Promise<number>;
  /** Announces in the DHT that this node gives power to its swarm; refreshed until the signal aborts, then resolves. */
  provide(signal: AbortSignal): Promise<void>;
  /** Looks for donors in the DHT, connecting to those found; a hint, never an authority. */
  findDonors(signal: AbortSignal): Promise<void>;
}

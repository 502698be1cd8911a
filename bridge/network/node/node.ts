import type { Connection, Libp2p, PeerId, PeerInfo, Stream } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import type { FrameStream, RemotePeer, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { type StreamHandler, ProtocolHandlers } from "./protocol-handlers.ts";
import { DialQueue } from "../discovery/dial-queue.ts";
import { ConnectionMonitor } from "../connections/connection-monitor.ts";
import { cancelDelayedCall } from "./libp2p-workarounds.ts";
import { type DiscoveryOptions, discover } from "../discovery/discovery.ts";
import { ProviderRecords } from "../discovery/provider-records.ts";
import { loadIdentity, ephemeralIdentity } from "./identity.ts";
import { PeerConnections } from "../connections/peer-connections.ts";
import { libp2pFrameStream } from "../connections/libp2p-frame-stream.ts";
import { libp2pOptions, membershipProtocol } from "./libp2p-options.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { ListenAddresses } from "./listen-addresses.ts";
import { type NodeOptions, resolveOptions } from "./node-options.ts";
import { addressWithId, type PeerTarget, parsePeerTarget } from "../peer-address.ts";
import { peerFailure } from "../connections/peer-failure.ts";
import { measureRoundTrip } from "../connections/ping.ts";
import { ConnectedPeers } from "../connections/connected-peers.ts";
import { PeerDialer } from "../connections/peer-dialer.ts";

export interface NodeDeps {
  readonly log: Log;
  readonly clock: Clock;
}

/** A running node. Disposing it closes its connections and joins all its tasks. */
export interface SwarmNode extends SwarmNetwork, AsyncDisposable {}

/**
 * Starts a node; `signal` ends the start, disposing ends the node.
 * Throws IDENTITY_DAMAGED, HOME_NOT_WRITABLE, LISTEN_FAILED, PEER_ADDRESS_INVALID, USAGE.
 */
export async function openNode(options: NodeOptions, deps: NodeDeps, signal: AbortSignal): Promise<SwarmNode> {
  signal.throwIfAborted();
  const { home, swarm, listen, announce, lan, bootstrap } = resolveOptions(options);
  const privateKey = home === undefined ? await ephemeralIdentity() : await loadIdentity(home);
  const listenAddresses = new ListenAddresses();
  const heardByMdns = lan ? (peer: PeerInfo) => node.heard(peer) : undefined;
  const libp2p = await createLibp2p(libp2pOptions({ privateKey, swarm, listen, announce, heardByMdns, listenAddresses }));
  const node = new Libp2pNode({ ...deps, libp2p, listenAddresses }, { swarm });
  try {
    await node.start({ swarm, bootstrap, lan, mustListen: listen.length > 0 });
    signal.throwIfAborted();
    return node;
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

class Libp2pNode implements SwarmNode {
  readonly selfId: string;
  readonly #deps: NodeDeps & { readonly libp2p: Libp2p; readonly listenAddresses: ListenAddresses };
  readonly #connectedPeers: ConnectedPeers;
  readonly #watch: ConnectionMonitor;
  readonly #connections: PeerConnections;
  readonly #dialer: PeerDialer;
  readonly #candidates: DialQueue;
  readonly #records: ProviderRecords;
  readonly #answers: ProtocolHandlers;
  readonly #membership: string;
  readonly #stop = new AbortController();
  #discovery: Promise<unknown> = Promise.resolve();
  #disposed: Promise<void> | undefined;

  constructor(deps: NodeDeps & { libp2p: Libp2p; listenAddresses: ListenAddresses }, options: { swarm: string }) {
    this.#deps = deps;
    this.selfId = deps.libp2p.peerId.toString();
    this.#membership = membershipProtocol(options.swarm);
    const addressesOf = (id: PeerId) => this.#dialable(id);
    this.#connectedPeers = new ConnectedPeers(deps, { membership: this.#membership });
    this.#watch = new ConnectionMonitor(deps);
    this.#connections = new PeerConnections({ ...deps, addressesOf });
    this.#dialer = new PeerDialer({ ...deps, connections: this.#connections, addressesOf });
    this.#candidates = new DialQueue(deps);
    this.#records = new ProviderRecords({ ...deps, candidates: this.#candidates }, options);
    this.#answers = new ProtocolHandlers(deps);
  }

  async start(options: DiscoveryOptions & { readonly mustListen: boolean }): Promise<void> {
    const { libp2p, listenAddresses } = this.#deps;
    // Before any peer can connect, so that the first identify answer contains it.
    await libp2p.handle(this.#membership, (stream) => stream.abort(new Error("this protocol only identifies the swarm")));
    await this.#connections.start();
    await libp2p.start();
    if (options.mustListen && listenAddresses.list().length === 0) {
      throw new FarmError("LISTEN_FAILED", "cannot listen on any of the given addresses");
    }
    this.#discovery = discover({ ...this.#deps, candidates: this.#candidates }, options, this.#stop.signal);
  }

  heard(peer: PeerInfo): void {
    this.#candidates.note(peer.id, peer.multiaddrs);
  }

  multiaddrs(): readonly string[] {
    return this.#deps.listenAddresses.list().map((address) => addressWithId(address, this.selfId));
  }

  handle(protocol: string, answer: StreamHandler, options: { readonly maxInboundStreamsPerPeer: number }): Promise<void> {
    return this.#answers.handle(protocol, answer, options);
  }

  async open(peer: string, protocol: string, lane: "control" | "bulk", signal: AbortSignal): Promise<FrameStream> {
    const target = parsePeerTarget(peer);
    using limit = childSignal(signal, { ms: NETWORK_LIMITS.reachMs, time: systemWorld });
    try {
      return libp2pFrameStream(await this.#openStream(target, protocol, lane, limit.signal));
    } catch (error) {
      throw peerFailure(error, peer, signal);
    }
  }

  async connect(peer: string, signal: AbortSignal): Promise<RemotePeer> {
    const connection = await this.#dialer.control(parsePeerTarget(peer), signal);
    this.#connectedPeers.choose(connection.remotePeer);
    return { id: connection.remotePeer.toString() };
  }

  knownPeers(): readonly RemotePeer[] {
    return this.#connectedPeers.peers();
  }

  async addressesOf(peerId: string): Promise<readonly string[]> {
    const { id } = parsePeerTarget(peerId);
    if (!id) return [];
    const texts = (await this.#dialable(id)).map((address) => addressWithId(address, id.toString()));
    return [...new Set(texts)];
  }

  watchPeers(seen: (peer: RemotePeer, change: "here" | "gone") => void): () => void {
    return this.#connectedPeers.watch(seen);
  }

  async ping(peerId: string, signal: AbortSignal): Promise<number> {
    using limit = childSignal(signal, { ms: NETWORK_LIMITS.reachMs, time: systemWorld });
    try {
      const connection = await this.#dialer.control(parsePeerTarget(peerId), limit.signal);
      return await measureRoundTrip(connection, this.#deps.clock, limit.signal);
    } catch (error) {
      throw peerFailure(error, peerId, signal);
    }
  }

  provide(signal: AbortSignal): Promise<void> {
    return this.#whileRunning(signal, (both) => this.#records.provide(both));
  }

  findDonors(signal: AbortSignal): Promise<void> {
    return this.#whileRunning(signal, (both) => this.#records.find(both));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    this.#stop.abort();
    this.#connections.stop();
    await this.#answers.stop();
    await this.#discovery;
    await this.#watch.stop();
    const { libp2p, listenAddresses } = this.#deps;
    await libp2p.stop();
    this.#connectedPeers.stop();
    listenAddresses.stop();
    cancelDelayedCall(libp2p.services["identifyPush"], "_push");
  }

  /** Calls with a signal that aborts with the caller's, and when the node stops. */
  async #whileRunning(signal: AbortSignal, run: (both: AbortSignal) => Promise<void>): Promise<void> {
    using child = childSignal(signal);
    const { signal: stopping } = this.#stop;
    const end = () => child.abort(stopping.reason);
    stopping.addEventListener("abort", end);
    try {
      if (stopping.aborted) end();
      await run(child.signal);
    } finally {
      stopping.removeEventListener("abort", end);
    }
  }

  /** A connection may close at the moment of use: then the next one is tried. */
  async #openStream(target: PeerTarget, protocol: string, lane: "control" | "bulk", signal: AbortSignal): Promise<Stream> {
    while (true) {
      const control = await this.#dialer.control(target, signal);
      const connection = lane === "bulk" ? await this.#connections.bulk(control, signal) : control;
      try {
        return await this.#newStream(connection, protocol, signal);
      } catch (error) {
        if (connection.status === "open" || signal.aborted) throw error;
      }
    }
  }

  async #newStream(connection: Connection, protocol: string, signal: AbortSignal): Promise<Stream> {
    for (const waitMs of NETWORK_LIMITS.unspokenProtocolRetriesMs) {
      try {
        return await connection.newStream(protocol, { signal, maxOutboundStreams: 256 });
      } catch (error) {
        if ((error as Error).name !== "UnsupportedProtocolError") throw error;
      }
      await this.#deps.clock.sleep(waitMs, signal);
    }
    return connection.newStream(protocol, { signal, maxOutboundStreams: 256 });
  }

  /** A peer's known addresses: those we dialled, those it announced, those from others. */
  async #dialable(id: PeerId): Promise<readonly Multiaddr[]> {
    const { libp2p } = this.#deps;
    const dialled = libp2p.getConnections(id).flatMap((connection) => (connection.direction === "outbound" ? [connection.remoteAddr] : []));
    const told = await libp2p.peerStore.get(id).then(
      (peer) => peer.addresses.map((address) => address.multiaddr),
      () => [],
    );
    const byText = new Map(
      [...dialled, ...this.#candidates.addressesOf(id.toString()), ...told].map((each) => [addressWithId(each, id.toString()), each]),
    );
    return [...byText.values()];
  }
}

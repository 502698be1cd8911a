import type { Connection, Libp2p, PeerId, PeerInfo, Stream } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { childSignal } from "../kernel/abort.ts";
import type { Clock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { FrameStream, RemotePeer, SwarmNetwork } from "../protocols/frame-stream.ts";
import { type Answer, Answers } from "./answers.ts";
import { Candidates } from "./candidates.ts";
import { cancelDelayedCall } from "./delayed-call.ts";
import { type DiscoveryOptions, discover } from "./discovery.ts";
import { DonorRecords } from "./donor-records.ts";
import { loadIdentity, passingIdentity } from "./identity.ts";
import { Lanes } from "./lanes.ts";
import { libp2pFrameStream } from "./libp2p-frame-stream.ts";
import { libp2pOptions, membershipProtocol } from "./libp2p-options.ts";
import { NETWORK_LIMITS } from "./network-limits.ts";
import { OwnAddresses } from "./own-addresses.ts";
import { addressWithId, parsePeerTarget } from "./peer-address.ts";
import { peerFailure } from "./peer-failure.ts";
import { measureRoundTrip } from "./ping.ts";
import { Presence } from "./presence.ts";
import { Reach } from "./reach.ts";

export interface NodeOptions {
  /** The folder that holds the identity; lock it first (`lockHome`). Undefined: a passing identity, kept nowhere. */
  readonly home: string | undefined;
  /** Multiaddrs to listen on; default every IPv4 interface on a free port. Empty: a node that only dials. */
  readonly listen?: readonly string[];
  /** Addresses or ids of peers that help to find others. */
  readonly bootstrap?: readonly string[];
  /** Nodes of one swarm find each other; default "public". */
  readonly swarm?: string;
  /** Look for peers on the local network (mDNS and beacon); default true. */
  readonly lan?: boolean;
  /** Further addresses under which others reach us, for instance a forwarded port. */
  readonly announce?: readonly string[];
}

export interface NodeDeps {
  readonly log: Log;
  readonly clock: Clock;
}

/** A running node. Disposing it closes its connections and joins all that it started. */
export interface SwarmNode extends SwarmNetwork, AsyncDisposable {}

/**
 * Starts a node; `signal` ends the start, disposing ends the node.
 * Throws IDENTITY_DAMAGED, HOME_NOT_WRITABLE, LISTEN_FAILED, PEER_ADDRESS_INVALID, USAGE.
 */
export async function openNode(options: NodeOptions, deps: NodeDeps, signal: AbortSignal): Promise<SwarmNode> {
  signal.throwIfAborted();
  const swarm = options.swarm ?? "public";
  if (swarm.length === 0 || swarm.length > NETWORK_LIMITS.maxSwarmChars) {
    throw new FarmError("USAGE", `a swarm's name has 1 to ${NETWORK_LIMITS.maxSwarmChars} characters`);
  }
  const bootstrap = (options.bootstrap ?? []).map(parsePeerTarget);
  const listen = options.listen ?? ["/ip4/0.0.0.0/tcp/0"];
  const announce = options.announce ?? [];
  for (const address of [...listen, ...announce]) parsePeerTarget(address);
  const privateKey = options.home === undefined ? await passingIdentity() : await loadIdentity(options.home);
  const lan = options.lan ?? true;
  const ownAddresses = new OwnAddresses();
  const heardByMdns = lan ? (peer: PeerInfo) => node.heard(peer) : undefined;
  const libp2p = await createLibp2p(libp2pOptions({ privateKey, swarm, listen, announce, heardByMdns, ownAddresses }));
  const node = new Libp2pNode({ ...deps, libp2p, ownAddresses }, { swarm });
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
  readonly #deps: NodeDeps & { readonly libp2p: Libp2p; readonly ownAddresses: OwnAddresses };
  readonly #presence: Presence;
  readonly #lanes: Lanes;
  readonly #reach: Reach;
  readonly #candidates: Candidates;
  readonly #records: DonorRecords;
  readonly #answers: Answers;
  readonly #membership: string;
  readonly #stop = new AbortController();
  #discovery: Promise<unknown> = Promise.resolve();
  #disposed: Promise<void> | undefined;

  constructor(deps: NodeDeps & { libp2p: Libp2p; ownAddresses: OwnAddresses }, options: { swarm: string }) {
    this.#deps = deps;
    this.selfId = deps.libp2p.peerId.toString();
    this.#membership = membershipProtocol(options.swarm);
    const addressesOf = (id: PeerId) => this.#dialable(id);
    this.#presence = new Presence(deps, { membership: this.#membership });
    this.#lanes = new Lanes({ ...deps, addressesOf });
    this.#reach = new Reach({ ...deps, lanes: this.#lanes, addressesOf });
    this.#candidates = new Candidates(deps);
    this.#records = new DonorRecords({ ...deps, candidates: this.#candidates }, options);
    this.#answers = new Answers(deps);
  }

  async start(options: DiscoveryOptions & { readonly mustListen: boolean }): Promise<void> {
    const { libp2p, ownAddresses } = this.#deps;
    // Before anybody can connect, so that the very first answer to "what do you speak" holds it.
    await libp2p.handle(this.#membership, (stream) => stream.abort(new Error("this protocol only tells the swarm")));
    await this.#lanes.start();
    await libp2p.start();
    if (options.mustListen && ownAddresses.list().length === 0) {
      throw new FarmError("LISTEN_FAILED", "cannot listen on any of the given addresses");
    }
    this.#discovery = discover({ ...this.#deps, candidates: this.#candidates }, options, this.#stop.signal);
  }

  heard(peer: PeerInfo): void {
    this.#candidates.note(peer.id, peer.multiaddrs);
  }

  multiaddrs(): readonly string[] {
    return this.#deps.ownAddresses.list().map((address) => addressWithId(address, this.selfId));
  }

  handle(protocol: string, answer: Answer, options: { readonly maxInboundStreamsPerPeer: number }): Promise<void> {
    return this.#answers.handle(protocol, answer, options);
  }

  async open(peer: string, protocol: string, lane: "control" | "bulk", signal: AbortSignal): Promise<FrameStream> {
    const target = parsePeerTarget(peer);
    using limit = childSignal(signal, NETWORK_LIMITS.reachMs);
    try {
      const control = await this.#reach.control(target, limit.signal);
      const connection = lane === "bulk" ? await this.#lanes.bulk(control, limit.signal) : control;
      return libp2pFrameStream(await this.#newStream(connection, protocol, limit.signal));
    } catch (error) {
      throw peerFailure(error, peer, signal);
    }
  }

  async connect(peer: string, signal: AbortSignal): Promise<RemotePeer> {
    const connection = await this.#reach.control(parsePeerTarget(peer), signal);
    this.#presence.choose(connection.remotePeer);
    return { id: connection.remotePeer.toString() };
  }

  knownPeers(): readonly RemotePeer[] {
    return this.#presence.peers();
  }

  async addressesOf(peerId: string): Promise<readonly string[]> {
    const { id } = parsePeerTarget(peerId);
    if (!id) return [];
    const texts = (await this.#dialable(id)).map((address) => addressWithId(address, id.toString()));
    return [...new Set(texts)];
  }

  watchPeers(seen: (peer: RemotePeer, change: "here" | "gone") => void): () => void {
    return this.#presence.watch(seen);
  }

  async ping(peerId: string, signal: AbortSignal): Promise<number> {
    using limit = childSignal(signal, NETWORK_LIMITS.reachMs);
    try {
      const connection = await this.#reach.control(parsePeerTarget(peerId), limit.signal);
      return await measureRoundTrip(connection, this.#deps.clock, limit.signal);
    } catch (error) {
      throw peerFailure(error, peerId, signal);
    }
  }

  async provide(signal: AbortSignal): Promise<void> {
    using child = this.#childOf(signal);
    await this.#records.provide(child.signal);
  }

  async findDonors(signal: AbortSignal): Promise<void> {
    using child = this.#childOf(signal);
    await this.#records.find(child.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    this.#stop.abort();
    this.#lanes.stop();
    await this.#answers.stop();
    await this.#discovery;
    const { libp2p, ownAddresses } = this.#deps;
    await libp2p.stop();
    this.#presence.stop();
    ownAddresses.stop();
    cancelDelayedCall(libp2p.services["identifyPush"], "_push");
  }

  /** Ends with the node too. */
  #childOf(signal: AbortSignal): ReturnType<typeof childSignal> {
    const child = childSignal(signal);
    if (this.#stop.signal.aborted) child.abort(this.#stop.signal.reason);
    this.#stop.signal.addEventListener("abort", () => child.abort(this.#stop.signal.reason), { once: true, signal: child.signal });
    return child;
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

  /** Where a peer listens, as far as we know: what we dialled it by, what it told, what others told. */
  async #dialable(id: PeerId): Promise<readonly Multiaddr[]> {
    const { libp2p } = this.#deps;
    const dialled = libp2p.getConnections(id).flatMap((connection) => (connection.direction === "outbound" ? [connection.remoteAddr] : []));
    const told = await libp2p.peerStore.get(id).then(
      (peer) => peer.addresses.map((address) => address.multiaddr),
      () => [],
    );
    const byText = new Map([...dialled, ...this.#candidates.addressesOf(id.toString()), ...told].map((each) => [addressWithId(each, id.toString()), each]));
    return [...byText.values()];
  }
}

import type { Connection, Libp2p, PeerId } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import { systemWorld } from "../../kernel/world.ts";
import type { PeerConnections } from "./peer-connections.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import type { PeerTarget } from "../peer-address.ts";
import { peerFailure } from "./peer-failure.ts";

const LOOK_UP_MS = 1_000;
const LOOK_UP_PAUSE_MS = 100;
/** Known addresses may be outdated: how long to search for newer ones before giving up. */
const STALE_ADDRESS_MS = 1_500;
const MAX_REMEMBERED_ADDRESSES = 256;

export interface PeerDialerDeps {
  readonly libp2p: Libp2p;
  readonly connections: PeerConnections;
  readonly clock: Clock;
  readonly addressesOf: (id: PeerId) => Promise<readonly Multiaddr[]>;
}

/** Opens a control connection to a node given by id or address. */
export class PeerDialer {
  readonly #deps: PeerDialerDeps;
  /** The peer id found at an address without one. */
  readonly #idAt = new Map<string, PeerId>();

  constructor(deps: PeerDialerDeps) {
    this.#deps = deps;
  }

  /** Throws PEER_UNREACHABLE, PEER_ADDRESS_INVALID. */
  async control(target: PeerTarget, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    if (target.id?.equals(this.#deps.libp2p.peerId)) {
      throw new FarmError("PEER_ADDRESS_INVALID", "this is the peer id of this node itself", { facts: { peer: target.text } });
    }
    const id = target.id ?? this.#idAt.get(target.text);
    const present = id && this.#deps.connections.control(id);
    if (present) return present;
    try {
      const connection = await this.#deps.connections.share(`control ${target.text}`, NETWORK_LIMITS.reachMs, signal, (shared) =>
        this.#dial(target, shared),
      );
      this.#record(target, connection.remotePeer);
      return connection;
    } catch (error) {
      throw peerFailure(error, target.text, signal);
    }
  }

  async #dial(target: PeerTarget, signal: AbortSignal): Promise<Connection> {
    if (!target.address) return this.#search(target.id as PeerId, signal);
    // Forced, because a bulk connection alone would count as connected.
    const connection = await this.#deps.libp2p.dial(target.address, { signal, force: target.id !== undefined });
    return this.#deps.connections.control(connection.remotePeer) ?? connection;
  }

  /** Dials a peer by its id alone, waiting shortly for it to be discovered. */
  async #search(id: PeerId, signal: AbortSignal): Promise<Connection> {
    const { libp2p, connections, clock } = this.#deps;
    const startMs = clock.monotonicMs();
    let failure: unknown;
    while (true) {
      const present = connections.control(id);
      if (present) return present;
      const addresses = await this.#deps.addressesOf(id);
      if (addresses.length > 0) {
        try {
          return await libp2p.dial([...addresses], { signal, force: true });
        } catch (error) {
          failure = error;
          if (clock.monotonicMs() - startMs > STALE_ADDRESS_MS) throw error;
        }
      }
      if (libp2p.getPeers().length > 0) await this.#askOthers(id, signal);
      await clock.sleep(LOOK_UP_PAUSE_MS, signal).catch((error: unknown) => {
        throw (
          failure ??
          new FarmError("PEER_UNREACHABLE", `no address of ${id.toString()} is known`, { facts: { peer: id.toString() }, cause: error })
        );
      });
    }
  }

  async #askOthers(id: PeerId, signal: AbortSignal): Promise<void> {
    using limit = childSignal(signal, { ms: LOOK_UP_MS, time: systemWorld });
    try {
      const found = await this.#deps.libp2p.peerRouting.findPeer(id, { signal: limit.signal });
      await this.#deps.libp2p.peerStore.merge(id, { multiaddrs: found.multiaddrs });
    } catch {
      // Not found yet; the search continues.
    }
  }

  #record(target: PeerTarget, id: PeerId): void {
    if (target.id) return;
    if (this.#idAt.size >= MAX_REMEMBERED_ADDRESSES) this.#idAt.clear();
    this.#idAt.set(target.text, id);
  }
}

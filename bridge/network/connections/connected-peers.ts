import type { IdentifyResult, Libp2p, PeerId, PeerUpdate } from "@libp2p/interface";
import { messageOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { RemotePeer } from "../../protocols/frame-stream.ts";

type Seen = (peer: RemotePeer, change: "here" | "gone") => void;

/**
 * Connected peers of our swarm, from the time they are connected and identified until their
 * last connection closes. Further connections of a peer change nothing.
 */
export class ConnectedPeers {
  readonly #libp2p: Libp2p;
  readonly #log: Log;
  readonly #membership: string;
  readonly #here = new Map<string, RemotePeer>();
  readonly #watchers = new Set<Seen>();
  /** Peers that were requested by name count whatever their swarm. */
  readonly #chosen = new Set<string>();

  /** `membership` is the protocol that every node of the swarm, and no other, lists. */
  constructor(deps: { libp2p: Libp2p; log: Log }, options: { membership: string }) {
    this.#libp2p = deps.libp2p;
    this.#log = deps.log;
    this.#membership = options.membership;
    this.#libp2p.addEventListener("peer:identify", this.#onIdentify);
    this.#libp2p.addEventListener("peer:update", this.#onUpdate);
    this.#libp2p.addEventListener("peer:disconnect", this.#onDisconnect);
  }

  stop(): void {
    this.#libp2p.removeEventListener("peer:identify", this.#onIdentify);
    this.#libp2p.removeEventListener("peer:update", this.#onUpdate);
    this.#libp2p.removeEventListener("peer:disconnect", this.#onDisconnect);
    this.#watchers.clear();
  }

  peers(): readonly RemotePeer[] {
    return [...this.#here.values()];
  }

  watch(seen: Seen): () => void {
    const watcher: Seen = (peer, change) => seen(peer, change);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** This connected peer was requested by name. */
  choose(id: PeerId): void {
    this.#chosen.add(id.toString());
    this.#arrive(id);
  }

  readonly #onIdentify = (event: CustomEvent<IdentifyResult>): void => {
    if (event.detail.protocols.includes(this.#membership)) this.#arrive(event.detail.peerId);
  };

  readonly #onUpdate = (event: CustomEvent<PeerUpdate>): void => {
    if (event.detail.peer.protocols.includes(this.#membership)) this.#arrive(event.detail.peer.id);
  };

  readonly #onDisconnect = (event: CustomEvent<PeerId>): void => {
    const id = event.detail.toString();
    const peer = this.#here.get(id);
    this.#chosen.delete(id);
    if (!peer) return;
    this.#here.delete(id);
    this.#tell(peer, "gone");
  };

  #arrive(id: PeerId): void {
    const text = id.toString();
    if (this.#here.has(text) || this.#libp2p.getConnections(id).length === 0) return;
    const peer: RemotePeer = { id: text };
    this.#here.set(text, peer);
    this.#tell(peer, "here");
  }

  #tell(peer: RemotePeer, change: "here" | "gone"): void {
    for (const watcher of this.#watchers) {
      try {
        watcher(peer, change);
      } catch (err) {
        this.#log.error({ peer: peer.id, reason: messageOf(err) }, "a watcher of peers failed");
      }
    }
  }
}

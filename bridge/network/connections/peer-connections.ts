import type { Connection, Libp2p, PeerId, Stream } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { pEvent } from "p-event";
import { abortable, childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";

/** Opened once on a connection to mark it as the bulk connection; the other side then uses it as such, too. */
const BULK_LANE_PROTOCOL = "/p2p-render/bulk-lane/1.0.0";
/** Asks the dialling side to dial a second connection for bulk: behind NAT only that side can. Answered by the stream's end. */
const BULK_PLEASE_PROTOCOL = "/p2p-render/bulk-please/1.0.0";

/** A connection is marked shortly after it opens; younger ones are used for control only when there is no other. */
const LABEL_MS = 500;

export interface PeerConnectionsDeps {
  readonly libp2p: Libp2p;
  readonly log: Log;
  readonly clock: Clock;
  /** All known addresses of a peer. */
  readonly addressesOf: (id: PeerId) => Promise<readonly Multiaddr[]>;
}

/**
 * Two connections to a peer: there are no priorities inside one, and behind four busy streams a heartbeat waits 100 ms.
 *
 * A connection that is not marked is control. If a second one is impossible, bulk uses the existing one.
 */
export class PeerConnections {
  readonly #deps: PeerConnectionsDeps;
  readonly #bulk = new WeakSet<Connection>();
  readonly #dialling = new Map<string, Promise<Connection>>();
  readonly #noBulkUntil = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(deps: PeerConnectionsDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    await this.#deps.libp2p.handle(
      BULK_LANE_PROTOCOL,
      async (stream, connection) => {
        this.#bulk.add(connection);
        await this.#end(stream);
      },
      { maxInboundStreams: 2 },
    );
    await this.#deps.libp2p.handle(
      BULK_PLEASE_PROTOCOL,
      async (stream, connection) => {
        if (connection.direction === "outbound" && !this.#bulk.has(connection)) {
          await this.bulk(connection, this.#stop.signal).catch(() => undefined);
        }
        await this.#end(stream);
      },
      { maxInboundStreams: 2 },
    );
  }

  stop(): void {
    this.#stop.abort();
  }

  async #end(stream: Stream): Promise<void> {
    using limit = childSignal(this.#stop.signal, { ms: NETWORK_LIMITS.lingerMs, time: systemWorld });
    await stream.close({ signal: limit.signal });
  }

  /** An open control connection, the newest that is old enough. */
  control(id: PeerId): Connection | undefined {
    const open = this.#open(id).filter((connection) => !this.#bulk.has(connection));
    const settledBefore = Date.now() - LABEL_MS;
    const settled = open.filter((connection) => connection.timeline.open < settledBefore);
    return settled.at(-1) ?? open[0];
  }

  /** The bulk connection, dialled if needed; `control` if there can be none. */
  async bulk(control: Connection, signal: AbortSignal): Promise<Connection> {
    const key = control.remotePeer.toString();
    const present = this.#presentBulk(control.remotePeer);
    if (present) return present;
    if ((this.#noBulkUntil.get(key) ?? 0) > this.#deps.clock.monotonicMs()) return control;
    try {
      return await this.share(`bulk ${key}`, NETWORK_LIMITS.bulkDialMs, signal, (shared) => this.#dialBulk(control, shared));
    } catch (err) {
      signal.throwIfAborted();
      this.#deps.log.debug({ peer: key, err }, "no second connection to a peer, bulk shares the first");
      this.#noBulkUntil.set(key, this.#deps.clock.monotonicMs() + NETWORK_LIMITS.bulkRetryMs);
      return control;
    }
  }

  /** One dial for all concurrent callers; a caller that aborts does not end it for the others. */
  async share(key: string, limitMs: number, signal: AbortSignal, dial: (signal: AbortSignal) => Promise<Connection>): Promise<Connection> {
    let dialling = this.#dialling.get(key);
    if (!dialling) {
      const limit = childSignal(this.#stop.signal, { ms: limitMs, time: systemWorld });
      dialling = dial(limit.signal).finally(() => {
        limit.dispose();
        this.#dialling.delete(key);
      });
      // All callers may have aborted before it fails.
      dialling.catch(() => undefined);
      this.#dialling.set(key, dialling);
    }
    return abortable(dialling, signal);
  }

  #open(id: PeerId): Connection[] {
    return this.#deps.libp2p
      .getConnections(id)
      .filter((connection) => connection.status === "open")
      .sort((a, b) => a.timeline.open - b.timeline.open);
  }

  #presentBulk(id: PeerId): Connection | undefined {
    return this.#open(id).findLast((connection) => this.#bulk.has(connection));
  }

  async #dialBulk(control: Connection, signal: AbortSignal): Promise<Connection> {
    if (control.direction === "outbound") return this.#dialForBulk(control, [control.remoteAddr], signal);
    const asked = await this.#askForBulk(control, signal);
    return asked ?? this.#dialForBulk(control, await this.#deps.addressesOf(control.remotePeer), signal);
  }

  async #dialForBulk(control: Connection, addresses: readonly Multiaddr[], signal: AbortSignal): Promise<Connection> {
    for (const address of addresses) {
      signal.throwIfAborted();
      const connection = await this.#deps.libp2p.dial(withId(address, control.remotePeer), { force: true, signal }).catch(() => undefined);
      // If another dial to this peer is in progress, the library returns that one's connection.
      if (!connection || connection === control) continue;
      this.#bulk.add(connection);
      const label = await connection.newStream(BULK_LANE_PROTOCOL, { signal });
      await label.close({ signal });
      return connection;
    }
    throw new Error("none of the peer's addresses answers");
  }

  async #askForBulk(control: Connection, signal: AbortSignal): Promise<Connection | undefined> {
    const request = await control.newStream(BULK_PLEASE_PROTOCOL, { signal });
    await pEvent(request, ["remoteCloseWrite", "close"], { signal });
    await request.close({ signal });
    // The mark is sent over the new connection, so it may arrive after the answer over the old one.
    for (let waitedMs = 0; waitedMs < LABEL_MS; waitedMs += 10) {
      const present = this.#presentBulk(control.remotePeer);
      if (present) return present;
      await this.#deps.clock.sleep(10, signal);
    }
    return undefined;
  }
}

function withId(address: Multiaddr, id: PeerId): Multiaddr {
  const text = address.toString();
  return text.includes("/p2p/") ? address : address.encapsulate(`/p2p/${id.toString()}`);
}

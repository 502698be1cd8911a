import type { Connection, Libp2p } from "@libp2p/interface";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import { systemWorld } from "../../kernel/world.ts";
import { peerLimit } from "../../protocols/peer-limit.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { measureRoundTrip } from "./ping.ts";

export interface ConnectionWatchDeps {
  readonly libp2p: Libp2p;
  readonly clock: Clock;
  readonly log: Log;
}

/** Closes connections whose far side does not answer pings. Any answer counts, also a refusal. */
export class ConnectionMonitor {
  readonly #deps: ConnectionWatchDeps;
  readonly #stop = new AbortController();
  readonly #watching = new TrackedTasks();

  constructor(deps: ConnectionWatchDeps) {
    this.#deps = deps;
    deps.libp2p.addEventListener("connection:open", this.#onOpen);
  }

  async stop(): Promise<void> {
    this.#deps.libp2p.removeEventListener("connection:open", this.#onOpen);
    this.#stop.abort();
    await this.#watching.settle();
  }

  readonly #onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    void this.#watching.add(this.#watch(connection));
  };

  /** Until the connection closes. Never throws. */
  async #watch(connection: Connection): Promise<void> {
    using life = childSignal(this.#stop.signal);
    connection.addEventListener("close", () => life.abort(), { once: true });
    while (!life.signal.aborted && connection.status === "open") {
      await this.#deps.clock.sleep(NETWORK_LIMITS.pingEveryMs, life.signal).catch(() => undefined);
      if (!life.signal.aborted) await this.#ping(connection, life.signal);
    }
  }

  async #ping(connection: Connection, signal: AbortSignal): Promise<void> {
    using limit = peerLimit(signal, NETWORK_LIMITS.silentMs, systemWorld);
    try {
      await measureRoundTrip(connection, this.#deps.clock, limit.signal);
    } catch {
      if (!limit.signal.aborted || signal.aborted) return;
      this.#deps.log.debug({ peer: connection.remotePeer.toString() }, "a silent connection is closed");
      connection.abort(limit.signal.reason as Error);
    }
  }
}

import type { Connection, Libp2p } from "@libp2p/interface";
import { pEvent } from "p-event";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { DISCOVERY_LIMITS } from "../network-limits.ts";
import type { PeerTarget } from "../peer-address.ts";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 15_000;

/**
 * Stays connected to one bootstrap peer until the signal aborts. The library's own dials such a peer once, and its
 * reconnecting gives up permanently after half a minute.
 */
export async function keepBootstrapped(
  deps: { libp2p: Libp2p; log: Log; clock: Clock },
  target: PeerTarget,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      const connection = await dial(deps.libp2p, target, signal);
      deps.log.info({ peer: connection.remotePeer.toString() }, "bootstrap peer connected");
      waitMs = FIRST_RETRY_MS;
      if (connection.status === "open") await pEvent(connection, "close", { signal });
    } catch (err) {
      if (signal.aborted) return;
      deps.log.debug({ address: target.text, err }, "a bootstrap peer does not answer");
    }
    await deps.clock.sleep(waitMs * (0.75 + Math.random() / 2), signal).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, LAST_RETRY_MS);
  }
}

async function dial(libp2p: Libp2p, target: PeerTarget, signal: AbortSignal): Promise<Connection> {
  using limit = childSignal(signal, { ms: DISCOVERY_LIMITS.dialMs, time: systemWorld });
  const whom = target.address ?? target.id;
  if (!whom) throw new Error("a target names a peer or an address");
  return await libp2p.dial(whom, { signal: limit.signal });
}

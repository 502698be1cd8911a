import type { Libp2p } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { Beacon } from "./beacon.ts";
import { keepBootstrapped } from "./bootstrap.ts";
import type { DialQueue } from "./dial-queue.ts";
import type { ListenAddresses } from "../node/listen-addresses.ts";
import { type PeerTarget, readableAddresses } from "../peer-address.ts";

export interface DiscoveryOptions {
  readonly swarm: string;
  readonly bootstrap: readonly PeerTarget[];
  readonly lan: boolean;
}

export interface DiscoveryDeps {
  readonly libp2p: Libp2p;
  readonly log: Log;
  readonly clock: Clock;
  readonly candidates: DialQueue;
  readonly listenAddresses: ListenAddresses;
}

/** Runs all discovery methods and the loop that dials peers; resolves when the signal has ended all. */
export async function discover(deps: DiscoveryDeps, options: DiscoveryOptions, signal: AbortSignal): Promise<void> {
  const loops = [deps.candidates.run(signal), ...options.bootstrap.map((target) => keepBootstrapped(deps, target, signal))];
  if (options.lan) loops.push(beacon(deps, options.swarm).run(signal));
  await Promise.all(loops);
}

function beacon(deps: DiscoveryDeps, swarm: string): Beacon {
  const heard = (id: string, texts: readonly string[]): void => {
    try {
      deps.candidates.note(peerIdFromString(id), readableAddresses(texts));
    } catch {
      // An invalid peer id: not our packet.
    }
  };
  const addresses = () => deps.listenAddresses.list().map((address) => address.toString());
  return new Beacon({ ...deps, heard, addresses }, { id: deps.libp2p.peerId.toString(), swarm });
}

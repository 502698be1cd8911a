import { childSignal } from "../../kernel/abort.ts";
import type { Home } from "../../config/home.ts";
import { isFarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Time } from "../../kernel/world.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";
import type { Offer } from "../../protocols/offer/messages.ts";
import { askOffer } from "../../protocols/offer/offer.ts";
import { checkPeerAddresses } from "./check-addresses.ts";
import { openSwarm, type SwarmOptions } from "./open-swarm.ts";

/** A donor as seen from this node. */
export interface QueriedDonor {
  readonly peer: string;
  readonly offer: Offer;
  /** Round trip in milliseconds; undefined when no answer came. */
  readonly pingMs: number | undefined;
}

export interface DonorQuery {
  readonly network: SwarmNetwork;
  readonly time: Time;
}

const SEEN_WITHIN_MS = 5_000;

/** Searches donors for `seconds`, requests the offer of each, and lists the nearest first. Throws PEER_UNREACHABLE for a named peer that does not answer. */
export async function queryDonors(
  { time, log }: { readonly time: Time; readonly log: Log },
  home: Home,
  options: { readonly swarm: SwarmOptions; readonly peers: readonly string[]; readonly seconds: number },
  signal: AbortSignal,
): Promise<QueriedDonor[]> {
  await checkPeerAddresses(options.peers, options.swarm.bootstrap);
  await using network = await openSwarm(home, options.swarm, { clock: time.clock, log }, signal);
  const named = await Promise.all(options.peers.map(async (peer) => (await network.connect(peer, signal)).id));
  using round = childSignal(signal, { ms: options.seconds * 1000, time });
  const searching = network.findDonors(round.signal).catch(() => {});
  await time.clock.sleep(options.seconds * 1000, signal);
  await searching;
  const ids = new Set([...named, ...network.knownPeers().map(({ id }) => id)]);
  const seen = await Promise.all([...ids].map((id) => queryDonor({ network, time }, id, named.includes(id))));
  return seen.filter((donor) => donor !== undefined).toSorted((a, b) => (a.pingMs ?? Infinity) - (b.pingMs ?? Infinity));
}

/** A peer's offer; undefined for one that offers nothing or does not answer, unless it was named. */
export async function queryDonor({ network, time }: DonorQuery, peer: string, named: boolean): Promise<QueriedDonor | undefined> {
  try {
    using asking = childSignal(undefined, { ms: SEEN_WITHIN_MS, time });
    const offer = await askOffer(network, peer, asking.signal);
    if (offer.type !== "offer") return undefined;
    using pinging = childSignal(undefined, { ms: SEEN_WITHIN_MS, time });
    const pingMs = await network.ping(peer, pinging.signal).catch(() => undefined);
    return { peer, offer, pingMs };
  } catch (error) {
    if (named || !isFarmError(error)) throw error;
    return undefined;
  }
}

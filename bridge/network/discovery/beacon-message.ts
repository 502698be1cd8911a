import { z } from "zod";
import { NETWORK_LIMITS } from "../network-limits.ts";

export const BEACON_LIMITS = {
  /** Fits one packet on every link. */
  maxBytes: 1_200,
  maxAddresses: 12,
  maxAddressChars: 128,
  /** Datagrams read per second; the rest of a flood is dropped. */
  maxPerSecond: 200,
  /** Queries of many peers at once are answered together. */
  answerEveryMs: 250,
  announceEveryMs: 5_000,
  /** Packets may be lost: a new node queries more than once. */
  asksAtMs: [0, 400, 1_200],
} as const;

/** A node's announcement on the LAN. */
export const BeaconMessage = z.strictObject({
  v: z.literal(1),
  swarm: z.string().min(1).max(NETWORK_LIMITS.maxSwarmChars),
  id: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{40,64}$/),
  addrs: z.array(z.string().max(BEACON_LIMITS.maxAddressChars)).min(1).max(BEACON_LIMITS.maxAddresses),
  /** True: a query that receivers answer. */
  ask: z.boolean(),
});
export type BeaconMessage = z.infer<typeof BeaconMessage>;

/** With as many addresses as fit; undefined without any. */
export function encodeBeacon(message: BeaconMessage): Uint8Array | undefined {
  const short = message.addrs.filter((address) => address.length <= BEACON_LIMITS.maxAddressChars);
  for (let count = Math.min(short.length, BEACON_LIMITS.maxAddresses); count > 0; count--) {
    const bytes = Buffer.from(JSON.stringify({ ...message, addrs: short.slice(0, count) }));
    if (bytes.byteLength <= BEACON_LIMITS.maxBytes) return bytes;
  }
  return undefined;
}

/** Undefined for anything but a valid message. */
export function decodeBeacon(bytes: Uint8Array): BeaconMessage | undefined {
  if (bytes.byteLength > BEACON_LIMITS.maxBytes) return undefined;
  try {
    return BeaconMessage.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

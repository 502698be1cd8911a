import type { PeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { CODE_P2P, type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { FarmError } from "../kernel/errors.ts";
import { NETWORK_LIMITS } from "./network-limits.ts";

/** A peer as named by a user: an id, an address, or an address that ends in the id. */
export interface PeerTarget {
  readonly text: string;
  readonly id: PeerId | undefined;
  readonly address: Multiaddr | undefined;
}

const HOSTS: ReadonlySet<string> = new Set(["ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr"]);

/** Throws PEER_ADDRESS_INVALID. */
export function parsePeerTarget(text: string): PeerTarget {
  if (text.length > NETWORK_LIMITS.maxAddressChars) throw invalid(`${text.slice(0, 40)}…`, "too long");
  if (!text.startsWith("/")) return { text, id: parseId(text, text), address: undefined };
  const address = parseMultiaddr(text);
  const parts = address.getComponents();
  const idText = parts.findLast((part) => part.code === CODE_P2P)?.value;
  const id = idText === undefined ? undefined : parseId(idText, text);
  if (parts.length === 1 && id) return { text, id, address: undefined };
  if (!isTcp(parts.map((part) => part.name))) throw invalid(text, "not a TCP address");
  return { text, id, address };
}

/** An address as text, ending in the peer's id. */
export function addressWithId(address: Multiaddr, id: string): string {
  const text = address.toString();
  return text.includes("/p2p/") ? text : `${text}/p2p/${id}`;
}

/** The valid multiaddrs; peers may send invalid ones. */
export function readableAddresses(texts: readonly string[]): Multiaddr[] {
  return texts.flatMap((text) => {
    try {
      return [parseMultiaddr(text)];
    } catch {
      return [];
    }
  });
}

function isTcp([host = "", ...others]: readonly string[]): boolean {
  return HOSTS.has(host) && (host === "dnsaddr" || others.includes("tcp"));
}

function parseMultiaddr(text: string): Multiaddr {
  try {
    return multiaddr(text);
  } catch (cause) {
    throw invalid(text, "not a multiaddr", cause);
  }
}

function parseId(idText: string, text: string): PeerId {
  try {
    return peerIdFromString(idText);
  } catch (cause) {
    throw invalid(text, "not a peer id", cause);
  }
}

function invalid(text: string, why: string, cause?: unknown): FarmError {
  return new FarmError("PEER_ADDRESS_INVALID", `cannot read the peer address ${JSON.stringify(text)}: ${why}`, {
    facts: { peer: text },
    cause,
  });
}

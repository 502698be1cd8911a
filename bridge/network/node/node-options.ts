import { FarmError } from "../../kernel/errors.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { parsePeerTarget } from "../peer-address.ts";

export interface NodeOptions {
  /** The folder that holds the identity; lock it first (`lockHome`). Undefined: an ephemeral identity, not stored. */
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

const DEFAULTS = { swarm: "public", lan: true, listen: ["/ip4/0.0.0.0/tcp/0"], announce: [], bootstrap: [] };

/** The options with defaults, checked. Throws PEER_ADDRESS_INVALID, USAGE. */
export function resolveOptions(options: NodeOptions) {
  const { home, swarm, listen, announce, lan, bootstrap } = { ...DEFAULTS, ...options };
  if (swarm.length === 0 || swarm.length > NETWORK_LIMITS.maxSwarmChars) {
    throw new FarmError("USAGE", `a swarm's name has 1 to ${NETWORK_LIMITS.maxSwarmChars} characters`);
  }
  for (const address of [...listen, ...announce]) parsePeerTarget(address);
  return { home, swarm, listen, announce, lan, bootstrap: bootstrap.map(parsePeerTarget) };
}

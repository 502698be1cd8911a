import { createHash } from "node:crypto";
import { noise } from "@chainsafe/libp2p-noise";
import { identify, identifyPush } from "@libp2p/identify";
import { FaultTolerance, type PeerInfo, type PrivateKey, type ServiceMap } from "@libp2p/interface";
import { kadDHT, passthroughMapper } from "@libp2p/kad-dht";
import { mdns } from "@libp2p/mdns";
import { type Ping, ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import type { Libp2pOptions } from "libp2p";
import { NETWORK_LIMITS } from "../network-limits.ts";
import type { ListenAddresses } from "./listen-addresses.ts";

/** One DHT for all swarms, so that any node can be a bootstrap peer; swarms have different record keys. */
const DHT_PROTOCOL = "/p2p-render/kad/1.0.0";

/** A protocol that only nodes of one swarm announce. */
export function membershipProtocol(swarm: string): string {
  return `/p2p-render/swarm/${swarmTag(swarm)}/1.0.0`;
}

/** Encodes any swarm name for protocol ids and DNS labels. */
function swarmTag(swarm: string): string {
  return createHash("sha256").update(swarm).digest("hex").slice(0, 16);
}

export interface NodeConfig {
  readonly privateKey: PrivateKey;
  readonly swarm: string;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  /** Called for each peer of the swarm that mDNS finds; undefined: no mDNS. */
  readonly heardByMdns: ((peer: PeerInfo) => void) | undefined;
  readonly listenAddresses: ListenAddresses;
}

interface NodeServices extends ServiceMap {
  readonly ping: Ping;
}

/** These settings were measured; the library's defaults fail for a farm (one address for a whole studio, private networks). */
export function libp2pOptions(config: NodeConfig): Libp2pOptions<NodeServices> {
  return {
    privateKey: config.privateKey,
    start: false,
    addresses: { listen: [...config.listen], appendAnnounce: [...config.announce] },
    transports: [tcp()],
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: NETWORK_LIMITS.maxStreamsPerConnection,
        maxOutboundStreams: NETWORK_LIMITS.maxStreamsPerConnection,
        streamOptions: { maxStreamWindowSize: NETWORK_LIMITS.streamWindowBytes, maxReadBufferLength: NETWORK_LIMITS.streamReadBufferBytes },
      }),
    ],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: {
      maxConnections: NETWORK_LIMITS.maxConnections,
      maxIncomingPendingConnections: NETWORK_LIMITS.maxPendingInbound,
      inboundConnectionThreshold: NETWORK_LIMITS.maxInboundPerSecondAndIp,
      inboundUpgradeTimeout: NETWORK_LIMITS.inboundUpgradeMs,
      dialTimeout: NETWORK_LIMITS.reachMs,
      addressDialTimeout: NETWORK_LIMITS.addressDialMs,
    },
    // It closes a connection over one late answer, by wall time: a peer whose cores are all busy would lose its leases. `ConnectionWatch` replaces it.
    connectionMonitor: { enabled: false },
    peerDiscovery: config.heardByMdns ? [mdnsOfSwarm(config.swarm, config.heardByMdns)] : [],
    services: {
      listenAddresses: config.listenAddresses.service,
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
      dht: kadDHT({
        protocol: DHT_PROTOCOL,
        clientMode: false,
        // The default drops private addresses, and with them the whole DHT of a LAN.
        peerInfoMapper: passthroughMapper,
        initialQuerySelfInterval: 50,
        querySelfInterval: 60_000,
        reprovide: { validity: 120_000, threshold: 60_000, interval: 20_000 },
      }),
    },
  };
}

/** The service name contains the swarm, so that only its peers are discovered. */
function mdnsOfSwarm(swarm: string, heard: (peer: PeerInfo) => void): ReturnType<typeof mdns> {
  const make = mdns({ serviceTag: `_p2pr-${swarmTag(swarm)}._udp.local`, interval: 10_000 });
  return (components) => {
    const service = make(components);
    service.addEventListener("peer", (event) => heard(event.detail));
    return service;
  };
}

import { noise } from "@chainsafe/libp2p-noise";
import type { Libp2p } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";

/** A plain libp2p node that dials, without our protocols: for messages of a broken or foreign peer. */
export function plainNode(): Promise<Libp2p> {
  return createLibp2p({ transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] });
}

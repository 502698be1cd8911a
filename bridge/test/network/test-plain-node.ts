import { noise } from "@chainsafe/libp2p-noise";
import type { Libp2p } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";

/** A libp2p node that dials and knows nothing of ours: for what a broken or strange peer may send. */
export function plainNode(): Promise<Libp2p> {
  return createLibp2p({ transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] });
}

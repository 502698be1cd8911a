import type { Multiaddr } from "@multiformats/multiaddr";
import type { Libp2pInit } from "libp2p";
import { cancelDelayedCall } from "./libp2p-workarounds.ts";

type ServiceFactory = NonNullable<Libp2pInit["services"]>[string];
type Components = Parameters<ServiceFactory>[0];

/**
 * The current addresses that this node listens on: interfaces come and go. The library withholds those
 * outside private ranges until other peers have confirmed them; on a LAN with public addresses that leaves
 * only loopback, which no peer can dial.
 */
export class ListenAddresses {
  #components: Components | undefined;

  /** Registered as a service of the node, to get access to the library's components. */
  readonly service: ServiceFactory = (components) => {
    this.#components = components;
    return this;
  };

  /** Each ends in /p2p/<own id>. */
  list(): Multiaddr[] {
    const components = this.#components;
    if (!components) return [];
    for (const { multiaddr, type, verified } of components.addressManager.getAddressesWithMetadata()) {
      if (type === "transport" && !verified) components.addressManager.confirmObservedAddr(multiaddr, { type: "transport" });
    }
    return components.addressManager.getAddresses();
  }

  /** After the node has stopped. */
  stop(): void {
    cancelDelayedCall(this.#components?.addressManager, "_updatePeerStoreAddresses");
  }
}

import type { Multiaddr } from "@multiformats/multiaddr";
import type { Libp2pInit } from "libp2p";
import { cancelDelayedCall } from "./libp2p-workarounds.ts";

type ServiceFactory = NonNullable<Libp2pInit["services"]>[string];
type Components = Parameters<ServiceFactory>[0];

/**
 * The addresses that this node listens on, as they are now: interfaces come and go. The library holds back those
 * that are not from a private range until strangers have confirmed them; on a LAN with public addresses that leaves
 * only loopback, and nobody can dial. We listen there, so they are ours.
 */
export class ListenAddresses {
  #components: Components | undefined;

  /** Goes among the node's services, which is how the library hands out its parts. */
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

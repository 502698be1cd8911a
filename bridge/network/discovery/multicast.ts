import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import type { Log } from "../../kernel/log.ts";

/** Current IPv4 addresses of this machine, including loopback. */
export function localIPv4Addresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter((address) => address.family === "IPv4").map((address) => address.address);
}

export interface MulticastOptions {
  readonly group: string;
  readonly port: number;
  readonly received: (bytes: Uint8Array, from: RemoteInfo) => void;
}

/**
 * A multicast group on every interface of the machine. Sending through the default route alone fails without an
 * error if there is none, or if it is a VPN. Many processes share the port. Failures are logged, never thrown.
 */
export class Multicast {
  readonly #log: Log;
  readonly #options: MulticastOptions;
  readonly #senders = new Map<string, Socket>();
  readonly #joined = new Set<string>();
  #receiver: Socket | undefined;
  #closed = false;

  constructor(deps: { log: Log }, options: MulticastOptions) {
    this.#log = deps.log;
    this.#options = options;
  }

  async start(): Promise<void> {
    const receiver = createSocket({ type: "udp4", reuseAddr: true });
    receiver.on("message", this.#options.received);
    try {
      await bound(receiver, { port: this.#options.port, exclusive: true });
      receiver.on("error", (err) => this.#log.debug({ err }, "multicast socket failed"));
      this.#receiver = receiver;
    } catch (err) {
      receiver.close();
      this.#log.warn({ err, port: this.#options.port }, "cannot listen for peers on the local network");
    }
  }

  /** Sends through each interface that is up now. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.#followInterfaces();
    for (const [address, sender] of this.#senders) {
      sender.send(bytes, this.#options.port, this.#options.group, (err) => {
        if (err) this.#drop(address, err);
      });
    }
  }

  close(): void {
    this.#closed = true;
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
    this.#receiver?.close();
    this.#receiver = undefined;
  }

  async #followInterfaces(): Promise<void> {
    const present = new Set(localIPv4Addresses());
    for (const address of this.#senders.keys()) if (!present.has(address)) this.#drop(address);
    for (const address of this.#joined) if (!present.has(address)) this.#joined.delete(address);
    for (const address of present) {
      this.#join(address);
      if (!this.#senders.has(address)) await this.#addSender(address);
    }
  }

  #join(address: string): void {
    if (!this.#receiver || this.#joined.has(address)) return;
    try {
      this.#receiver.addMembership(this.#options.group, address);
      this.#joined.add(address);
    } catch (err) {
      this.#log.debug({ err, address }, "an interface takes no multicast");
    }
  }

  async #addSender(address: string): Promise<void> {
    const sender = createSocket({ type: "udp4", reuseAddr: true });
    try {
      await bound(sender, { address, port: 0, exclusive: true });
      sender.on("error", (err) => this.#drop(address, err));
      sender.setMulticastInterface(address);
      sender.setMulticastTTL(1);
      sender.setMulticastLoopback(true);
    } catch (err) {
      sender.close();
      this.#log.debug({ err, address }, "an interface sends no multicast");
      return;
    }
    if (this.#closed) sender.close();
    else this.#senders.set(address, sender);
  }

  #drop(address: string, err?: Error): void {
    const sender = this.#senders.get(address);
    if (!sender) return;
    this.#senders.delete(address);
    sender.close();
    if (err) this.#log.debug({ err, address }, "an interface stopped sending multicast");
  }
}

function bound(socket: Socket, options: { address?: string; port: number; exclusive: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(options, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

import type { RemoteInfo } from "node:dgram";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { Notifier } from "../../kernel/notifier.ts";
import { BEACON_LIMITS, type BeaconMessage, decodeBeacon, encodeBeacon } from "./beacon-message.ts";
import { localIPv4Addresses, Multicast } from "./multicast.ts";

/** Administratively scoped: stays on the site. */
const GROUP = "239.255.77.77";
const PORT = 47_077;

export interface BeaconDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** Current own addresses. */
  readonly addresses: () => readonly string[];
  readonly heard: (id: string, addresses: readonly string[]) => void;
}

/**
 * Announces this node on the local network, and discovers others. Complements mDNS, which fails
 * when there is no default route, when a VPN has it, or when another program uses its port.
 */
export class Beacon {
  readonly #deps: BeaconDeps;
  readonly #id: string;
  readonly #swarm: string;
  readonly #multicast: Multicast;
  #answerDue = false;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #secondStartMs = 0;
  #heardThisSecond = 0;
  readonly #asked = new Notifier();

  constructor(deps: BeaconDeps, options: { id: string; swarm: string; port?: number }) {
    this.#deps = deps;
    this.#id = options.id;
    this.#swarm = options.swarm;
    this.#multicast = new Multicast(deps, {
      group: GROUP,
      port: options.port ?? PORT,
      received: (bytes, from) => this.#received(bytes, from),
    });
  }

  /** Runs until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#multicast.start();
      await this.#speak(signal);
    } catch (err) {
      if (!signal.aborted) this.#deps.log.warn({ err }, "the beacon on the local network failed");
    } finally {
      this.#multicast.close();
    }
  }

  async #speak(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startMs = clock.monotonicMs();
    const asksAtMs: number[] = BEACON_LIMITS.asksAtMs.map((ms) => startMs + ms);
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const asks = (asksAtMs[0] ?? Number.POSITIVE_INFINITY) <= nowMs;
      if (asks) asksAtMs.shift();
      if (asks || this.#isDue(nowMs)) await this.#send(asks);
      await this.#rest(Math.min(asksAtMs[0] ?? Number.POSITIVE_INFINITY, this.#nextAtMs()) - clock.monotonicMs(), signal);
    }
  }

  #isDue(nowMs: number): boolean {
    return nowMs >= this.#nextAtMs();
  }

  #nextAtMs(): number {
    return this.#lastSentMs + (this.#answerDue ? BEACON_LIMITS.answerEveryMs : BEACON_LIMITS.announceEveryMs);
  }

  async #send(ask: boolean): Promise<void> {
    this.#lastSentMs = this.#deps.clock.monotonicMs();
    this.#answerDue = false;
    const bytes = encodeBeacon({ v: 1, swarm: this.#swarm, id: this.#id, addrs: [...this.#deps.addresses()], ask });
    if (bytes) await this.#multicast.send(bytes);
  }

  /** Waits until the time is up or a query arrives. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return;
    using rest = childSignal(signal);
    await Promise.race([this.#asked.wait(rest.signal), this.#deps.clock.sleep(ms, rest.signal).catch(() => undefined)]);
    rest.abort();
  }

  #received(bytes: Uint8Array, from: RemoteInfo): void {
    if (!this.#hasRoom()) return;
    const message = decodeBeacon(bytes);
    if (!message || message.swarm !== this.#swarm || message.id === this.#id) return;
    this.#deps.heard(message.id, reachableFrom(message, from.address));
    if (!message.ask) return;
    this.#answerDue = true;
    this.#asked.wake();
  }

  #hasRoom(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#secondStartMs >= 1_000) {
      this.#secondStartMs = nowMs;
      this.#heardThisSecond = 0;
    }
    this.#heardThisSecond++;
    return this.#heardThisSecond <= BEACON_LIMITS.maxPerSecond;
  }
}

/**
 * The packet's source address, with the announced ports, certainly works; another machine's
 * loopback address certainly does not.
 */
function reachableFrom(message: BeaconMessage, host: string): string[] {
  const isHere = localIPv4Addresses().includes(host);
  const told = isHere ? message.addrs : message.addrs.filter((address) => !address.startsWith("/ip4/127."));
  const ports = new Set(message.addrs.map((address) => /^\/ip4\/[\d.]+\/tcp\/(\d{1,5})/.exec(address)?.[1]));
  const seen = [...ports].flatMap((port) => (port === undefined ? [] : [`/ip4/${host}/tcp/${port}/p2p/${message.id}`]));
  return [...new Set(isHere ? [...told, ...seen] : [...seen, ...told])];
}

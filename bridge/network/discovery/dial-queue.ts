import type { Libp2p, PeerId } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import { systemWorld } from "../../kernel/world.ts";
import { DISCOVERY_LIMITS } from "../network-limits.ts";

interface Candidate {
  readonly id: PeerId;
  addresses: readonly Multiaddr[];
  failures: number;
  nextAtMs: number;
  dialling: boolean;
}

/**
 * Discovered peers that are not connected yet, and the loop that dials them. The library announces a discovered peer
 * once and never dials it; here it is retried with growing delays, until it is reached or dropped.
 */
export class DialQueue {
  readonly #libp2p: Libp2p;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #byId = new Map<string, Candidate>();
  readonly #dials = new TrackedTasks();

  constructor(deps: { libp2p: Libp2p; log: Log; clock: Clock }) {
    this.#libp2p = deps.libp2p;
    this.#log = deps.log;
    this.#clock = deps.clock;
  }

  /** Adds a discovered peer. Its newest addresses come first; of too many peers the oldest is dropped. */
  note(id: PeerId, addresses: readonly Multiaddr[]): void {
    if (id.equals(this.#libp2p.peerId) || addresses.length === 0) return;
    const key = id.toString();
    const known = this.#byId.get(key);
    if (known) {
      const before = new Set(known.addresses.map(String));
      if (addresses.some((address) => !before.has(address.toString()))) known.nextAtMs = this.#clock.monotonicMs();
      known.addresses = merged(addresses, known.addresses);
      known.failures = Math.min(known.failures, DISCOVERY_LIMITS.maxFailures - 1);
      return;
    }
    if (this.#byId.size >= DISCOVERY_LIMITS.maxCandidates) this.#dropOldest();
    const waitMs = this.#libp2p.peerId.toString() < key ? 0 : DISCOVERY_LIMITS.politenessMs;
    const nextAtMs = this.#clock.monotonicMs() + waitMs;
    this.#byId.set(key, { id, addresses: merged(addresses, []), failures: 0, nextAtMs, dialling: false });
  }

  /** Discovered addresses of a peer. */
  addressesOf(id: string): readonly Multiaddr[] {
    return this.#byId.get(id)?.addresses ?? [];
  }

  /** Dials until the signal aborts; joins its dials. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const candidate of this.#due()) void this.#dials.add(this.#dial(candidate, signal));
      await this.#clock.sleep(DISCOVERY_LIMITS.tickMs, signal).catch(() => undefined);
    }
    await this.#dials.settle();
  }

  /** Dials one peer now, if it is not connected. Never throws. */
  async reach(id: PeerId, addresses: readonly Multiaddr[], signal: AbortSignal): Promise<void> {
    this.note(id, addresses);
    const candidate = this.#byId.get(id.toString());
    if (candidate && !candidate.dialling && !this.#isConnected(candidate)) await this.#dial(candidate, signal);
  }

  #due(): Candidate[] {
    const nowMs = this.#clock.monotonicMs();
    const room = DISCOVERY_LIMITS.parallelDials - this.#dials.size;
    const due = [...this.#byId.values()].filter(
      (candidate) => candidate.nextAtMs <= nowMs && !candidate.dialling && !this.#isConnected(candidate),
    );
    return due.slice(0, Math.max(0, room));
  }

  #isConnected(candidate: Candidate): boolean {
    return this.#libp2p.getConnections(candidate.id).length > 0;
  }

  async #dial(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const key = candidate.id.toString();
    candidate.dialling = true;
    using limit = childSignal(signal, { ms: DISCOVERY_LIMITS.dialMs, time: systemWorld });
    try {
      await this.#libp2p.dial(
        candidate.addresses.map((address) => withId(address, key)),
        { signal: limit.signal },
      );
      candidate.failures = 0;
      candidate.nextAtMs = this.#clock.monotonicMs() + DISCOVERY_LIMITS.firstRetryMs;
    } catch (err) {
      if (signal.aborted) return;
      candidate.failures++;
      const waitMs = Math.min(DISCOVERY_LIMITS.firstRetryMs * 2 ** (candidate.failures - 1), DISCOVERY_LIMITS.lastRetryMs);
      candidate.nextAtMs = this.#clock.monotonicMs() + waitMs * (0.75 + Math.random() / 2);
      if (candidate.failures >= DISCOVERY_LIMITS.maxFailures) this.#byId.delete(key);
      this.#log.debug({ peer: key, failures: candidate.failures, err }, "a discovered peer does not answer");
    } finally {
      candidate.dialling = false;
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#byId.keys();
    if (oldest !== undefined) this.#byId.delete(oldest);
  }
}

function merged(newer: readonly Multiaddr[], older: readonly Multiaddr[]): Multiaddr[] {
  const byText = new Map([...newer, ...older].map((address) => [address.toString(), address]));
  return [...byText.values()].slice(0, DISCOVERY_LIMITS.maxAddressesPerCandidate);
}

function withId(address: Multiaddr, id: string): Multiaddr {
  return address.toString().includes("/p2p/") ? address : address.encapsulate(`/p2p/${id}`);
}

import type { AdmissionTerms } from "../core/admission.ts";
import type { DeviceClass } from "../core/chunk.ts";
import { childSignal } from "../kernel/abort.ts";
import type { Clock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Service } from "../kernel/service.ts";
import type { FrameStream, RemotePeer, SwarmNetwork } from "../protocols/frame-stream.ts";
import { LEASE_LIMITS, LEASE_PROTOCOL } from "../protocols/lease/messages.ts";
import { OFFER_LIMITS, OFFER_PROTOCOL, type OfferReply } from "../protocols/offer/messages.ts";
import { answerOffer } from "../protocols/offer/offer.ts";
import type { DonorStore } from "./ports.ts";
import type { RenderSlots } from "./render-slots.ts";
import { type DonorEvent, serveJob } from "./serve-job.ts";

export interface DonorDeps {
  readonly network: SwarmNetwork;
  readonly store: DonorStore;
  readonly slots: RenderSlots;
  readonly clock: Clock;
  readonly log: Log;
  readonly observe: (event: DonorEvent) => void;
  /** Load of the machine, 0 to 1 and beyond. */
  readonly load: () => number;
}

export interface DonorOptions {
  readonly agent: string;
  readonly name: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly builds: readonly DeviceClass[];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Jobs served at the same time; they share the render slots. */
  readonly maxJobs: number;
}

/** Gives this machine's power: answers who asks what it can do, and serves jobs. */
export class Donor implements Service {
  readonly name = "donor";
  readonly #deps: DonorDeps;
  readonly #options: DonorOptions;
  readonly #jobs = new Set<Promise<void>>();
  #life: ReturnType<typeof childSignal> | undefined;
  #providing: Promise<void> | undefined;

  constructor(deps: DonorDeps, options: DonorOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#life) return;
    this.#life = childSignal(signal);
    const { network } = this.#deps;
    const { signal: life } = this.#life;
    await network.handle(OFFER_PROTOCOL, (stream, _peer, end) => answerOffer(stream, () => this.#offer(), end), {
      maxInboundStreamsPerPeer: OFFER_LIMITS.maxInboundStreamsPerPeer,
    });
    await network.handle(LEASE_PROTOCOL, (stream, peer) => this.#serve(stream, peer, life), {
      maxInboundStreamsPerPeer: LEASE_LIMITS.maxInboundStreamsPerPeer,
    });
    this.#providing = network.provide(life).catch((error: unknown) => this.#deps.log.debug({ error }, "the DHT announcement ended"));
  }

  /** Ends all leases; requesters give them to others. */
  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    life?.abort(new FarmError("CANCELLED", "this donor is stopping"));
    await Promise.allSettled([this.#providing, ...this.#jobs]);
    life?.dispose();
  }

  async #serve(stream: FrameStream, peer: RemotePeer, signal: AbortSignal): Promise<void> {
    const addrs = await this.#deps.network.addressesOf(peer.id);
    const { store, slots, clock, log, observe } = this.#deps;
    const job = serveJob({ store, slots, clock, log, observe, terms: () => this.#terms() }, stream, { id: peer.id, addrs }, signal);
    const tracked = job.finally(() => this.#jobs.delete(tracked));
    this.#jobs.add(tracked);
    await tracked;
  }

  #terms(): AdmissionTerms {
    const { builds, allow, deny, maxJobs } = this.#options;
    return { builds, allow, deny, maxJobs, jobs: this.#jobs.size - 1, paused: false };
  }

  #offer(): OfferReply {
    const { agent, name, cores, memoryBytes, builds } = this.#options;
    return {
      type: "offer",
      agent,
      name,
      cores,
      memoryBytes,
      slots: this.#deps.slots.size,
      busySlots: this.#deps.slots.busy,
      load: this.#deps.load(),
      gpus: [],
      builds: [...builds],
    };
  }
}

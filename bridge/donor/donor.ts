import type { AdmissionTerms } from "../core/admission.ts";
import { TERMS_LIMITS } from "../core/terms/terms-limits.ts";
import { requesterTierOf } from "../core/terms/terms.ts";
import { childSignal } from "../kernel/abort.ts";
import type { Clock } from "../kernel/time/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Service } from "../kernel/service.ts";
import { TrackedTasks } from "../kernel/tracked-tasks.ts";
import type { FrameStream, RemotePeer, SwarmNetwork } from "../protocols/frame-stream.ts";
import { LEASE_LIMITS, LEASE_PROTOCOL } from "../protocols/lease/messages.ts";
import { OFFER_LIMITS, OFFER_PROTOCOL, type OfferReply, availabilityMessage, messageText } from "../protocols/offer/messages.ts";
import { answerOffer } from "../protocols/offer/offer.ts";
import { OrphanedResults } from "./orphaned-results.ts";
import type { DonorEnvironments, DonorCapacity, ScenesAndResults, OwnerPolicy, PeakMemory, Previews } from "./ports.ts";
import type { RenderSlots } from "./render-slots.ts";
import { serveJob } from "./serve-job.ts";
import type { DonorEvent, ServeJobDeps } from "./serve-job-deps.ts";
import type { OpenJobHandle } from "./serve-job-deps.ts";

export interface DonorDeps {
  readonly network: SwarmNetwork;
  readonly store: ScenesAndResults;
  readonly slots: RenderSlots;
  readonly owner: OwnerPolicy;
  readonly peaks: PeakMemory;
  /** Undefined where work runs in no environments. */
  readonly environments?: DonorEnvironments | undefined;
  readonly previews: Previews;
  readonly clock: Clock;
  readonly log: Log;
  readonly observe: (event: DonorEvent) => void;
  /** Load of the machine, 0 to 1 and beyond. */
  readonly load: () => number;
  readonly power: () => DonorCapacity;
}

export interface DonorOptions {
  readonly agent: string;
  readonly name: string;
  /** Jobs served at the same time; they share the render slots. */
  readonly maxJobs: number;
}

/** Chunks of these wait less: own machines first, friends next. */
const PRIORITY = { own: 2, friend: 1, stranger: 0 } as const;

/** Gives this machine's power: answers who asks what it can do, and serves jobs as its owner allows. */
export class Donor implements Service {
  readonly name = "donor";
  readonly #deps: DonorDeps;
  readonly #options: DonorOptions;
  readonly #kept: OrphanedResults;
  /** Being served, and those whose last chunk is being finished. */
  readonly #serving = new TrackedTasks();
  readonly #open = new Set<OpenJobHandle>();
  readonly #evicted = new Set<string>();
  #life: ReturnType<typeof childSignal> | undefined;
  #providing: Promise<void> | undefined;

  constructor(deps: DonorDeps, options: DonorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#kept = new OrphanedResults({ ...deps, isSlotWanted: () => deps.slots.waiting > 0 });
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#life) return;
    signal.throwIfAborted();
    this.#life = childSignal(); // `stop` ends it, after a word to those it works for
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
    await this.dismiss("it is stopping");
    life?.abort(new FarmError("CANCELLED", "this donor is stopping"));
    await this.#kept[Symbol.asyncDispose]();
    await this.#providing;
    await this.#serving.settle();
    life?.dispose();
  }

  /** Jobs that are open now. */
  get jobs(): readonly { readonly job: string; readonly requester: string }[] {
    return [...this.#open].map(({ ticket }) => ({ job: ticket.job, requester: ticket.requester.id }));
  }

  /** Tells everybody who works with this donor that its owner lets it work, or not for now. */
  notifyAvailability(): void {
    const availability = this.#deps.owner.availability();
    for (const job of this.#open) job.notifyAvailability(availability);
  }

  /** Sends a job away and does not take it back; false when there is none of that name. */
  async evict(job: string): Promise<boolean> {
    const mine = [...this.#open].filter(({ ticket }) => ticket.job === job);
    this.#evicted.add(job);
    await Promise.all(mine.map((served) => served.dismiss("its owner has evicted this job")));
    return mine.length > 0;
  }

  /** Ends every job with a word; they may come back. Nothing is kept for anybody. */
  async dismiss(reason: string): Promise<void> {
    await Promise.all([...this.#open].map((job) => job.dismiss(reason)));
    while (await this.#kept.dropOldest());
  }

  async #serve(stream: FrameStream, peer: RemotePeer, signal: AbortSignal): Promise<void> {
    const addrs = await this.#deps.network.addressesOf(peer.id);
    await this.#serving.add(serveJob(this.#jobDeps(), stream, { id: peer.id, addrs }, signal));
  }

  #jobDeps(): ServeJobDeps {
    const { store, slots, environments, peaks, previews, clock, log, observe, owner } = this.#deps;
    return {
      store,
      slots,
      environments,
      peaks,
      previews,
      clock,
      log,
      observe,
      kept: this.#kept,
      terms: () => this.#terms(),
      priorityOf: (peer) => PRIORITY[requesterTierOf(peer, owner.terms())],
      opened: (job) => {
        this.#open.add(job);
        return () => this.#open.delete(job);
      },
      olderOf: ({ job, requester }) => [...this.#open].find(({ ticket }) => ticket.job === job && ticket.requester.id === requester.id),
    };
  }

  #terms(): AdmissionTerms {
    const { maxJobs } = this.#options;
    const { owner, environments } = this.#deps;
    const { builds, gpuMemoryBytes } = this.#deps.power();
    const who = owner.terms();
    return {
      builds,
      environments: environments?.now(),
      who,
      maxJobs,
      availability: owner.availability(),
      jobs: this.#open.size,
      evicted: this.#evicted,
      memoryBytes: owner.slotSize().memoryBytes,
      gpuMemoryBytes,
      diskBytes: who.diskBytes,
      secondsLeft: owner.secondsLeft(),
    };
  }

  #offer(): OfferReply {
    const { agent, name } = this.#options;
    const { slots, owner, load, environments } = this.#deps;
    const { builds, gpus, gpuNote, speed } = this.#deps.power();
    const { threads, memoryBytes } = owner.slotSize();
    const availability = availabilityMessage(owner.availability());
    return {
      type: "offer",
      agent,
      name,
      availability,
      cores: Math.min(TERMS_LIMITS.maxCores, threads * slots.size),
      memoryBytes: memoryBytes * slots.size,
      slots: availability.state === "open" ? slots.size : 0,
      busySlots: slots.busy,
      load: load(),
      gpus: gpus.slice(0, OFFER_LIMITS.maxGpus),
      ...(gpuNote === undefined ? {} : { gpuNote: messageText(gpuNote) }),
      ...(speed === undefined ? {} : { speed }),
      builds: builds.slice(0, OFFER_LIMITS.maxBuilds),
      ...(environments === undefined ? {} : { environments: [...environments.now().here].slice(0, OFFER_LIMITS.maxEnvironments) }),
    };
  }
}

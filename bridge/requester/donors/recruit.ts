import { isPassing, sameBuild } from "../../core/admission.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { childSignal } from "../../kernel/abort.ts";
import { isFarmError, messageOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";
import { peerLimit } from "../../protocols/peer-limit.ts";
import type { Offer } from "../../protocols/offer/messages.ts";
import { askOffer } from "../../protocols/offer/offer.ts";
import type { JobRun } from "../run/job-run.ts";
import { type JobOpening, openRemoteDonor, RemoteDonor, type RemoteDonorDeps } from "./remote-donor.ts";

export interface RecruiterDeps extends RemoteDonorDeps {
  readonly network: SwarmNetwork;
  readonly log: Log;
  readonly observe: (event: JobEvent) => void;
}

export interface RecruiterOptions {
  readonly opening: JobOpening;
  /** Peer ids or multiaddrs; when given, nobody else is asked. */
  readonly only: readonly string[];
  /** Told before the job is opened with a peer, and when its link is gone: decides who may have blocks. */
  readonly admitPeer: (peer: string, here: boolean) => void;
}

/** Waits between tries at a peer, in ms: short at first, since a donor may just be starting. */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000] as const;
const ASK_TIMEOUT_MS = 8_000;
const DHT_EVERY_MS = 20_000;

/** The donor takes no work at the moment; it may, later. */
class RetryLater extends Error {}

/** One peer that is asked: all texts by which it was named, of which any may be the one that works. */
interface Courtship {
  readonly ways: string[];
}

/** Finds donors for a running job, opens the job with them, and comes back to those that were lost. */
export class Recruiter {
  readonly #deps: RecruiterDeps;
  readonly #options: RecruiterOptions;
  readonly #keepingConnected = new TrackedTasks();
  readonly #kept = new Set<string>();
  /** By the id that the peer proved: two texts may name one peer, and two links to it would end each other. */
  readonly #courted = new Map<string, Courtship>();
  readonly #told = new Set<string>();

  constructor(deps: RecruiterDeps, options: RecruiterOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Recruits for `run` until `signal` aborts. */
  async recruit(run: JobRun, parent: AbortSignal): Promise<void> {
    using child = childSignal(parent);
    const { signal } = child;
    const { only } = this.#options;
    for (const peer of only) this.#keepConnected(peer, run, signal);
    const stopWatching =
      only.length > 0
        ? () => {}
        : this.#deps.network.watchPeers((peer, change) => change === "here" && this.#keepConnected(peer.id, run, signal));
    try {
      if (only.length === 0) {
        for (const peer of this.#deps.network.knownPeers()) this.#keepConnected(peer.id, run, signal);
        await this.#searchDht(signal);
      }
      await new Promise<void>((resolve) =>
        signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true }),
      );
    } finally {
      stopWatching();
      await this.#keepingConnected.settle();
    }
  }

  async #searchDht(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        using round = childSignal(signal, { ms: DHT_EVERY_MS, time: this.#deps });
        await this.#deps.network.findDonors(round.signal);
      } catch (error) {
        this.#deps.log.debug({ error }, "a search in the DHT ended without result");
      }
      await this.#deps.clock.sleep(DHT_EVERY_MS, signal).catch(() => {});
    }
  }

  #keepConnected(peer: string, run: JobRun, signal: AbortSignal): void {
    if (this.#kept.has(peer)) return;
    this.#kept.add(peer);
    const courtship = { ways: [peer] };
    const keepingConnected = this.#keepTrying(courtship, run, signal).finally(() => {
      this.#kept.delete(peer);
      for (const [id, held] of this.#courted) if (held === courtship) this.#courted.delete(id);
    });
    void this.#keepingConnected.add(keepingConnected);
  }

  /** Stays with a peer for the whole job: opens, waits until the link is gone, opens again. */
  async #keepTrying(courtship: Courtship, run: JobRun, signal: AbortSignal): Promise<void> {
    const explicit = this.#options.only.length > 0;
    for (let misses = 0, tries = 0; !signal.aborted && (explicit || misses < RETRY_MS.length); tries++) {
      const { ways } = courtship;
      const peer = ways[tries % ways.length] as string;
      try {
        const link = await this.#open(courtship, peer, run, signal);
        if (link === undefined) return;
        misses = 0;
        run.addDonor(link);
        this.#tellSources(run);
        await link.ended;
        this.#options.admitPeer(link.id, false);
        this.#tellSources(run);
      } catch (error) {
        if (signal.aborted) return;
        misses = this.#missed(peer, error, misses);
      }
      await this.#deps.clock.sleep(RETRY_MS[Math.min(misses, RETRY_MS.length - 1)] ?? 0, signal).catch(() => {});
    }
  }

  /** How often it was missed now. A donor that rests is asked as long as the job lasts, at the longest wait; one that does not answer is not. */
  #missed(peer: string, error: unknown, before: number): number {
    if (error instanceof RetryLater) return Math.min(before + 1, RETRY_MS.length - 1);
    const isNamed = this.#options.only.length > 0;
    this.#tell(
      `${peer}:${isFarmError(error) ? error.code : ""}`,
      isNamed ? `${peer} cannot be reached yet: ${messageOf(error)}` : undefined,
    );
    return before + 1;
  }

  /** A link, or undefined when this peer is of no use for the job, or is courted already under another name. */
  async #open(courtship: Courtship, peer: string, run: JobRun, parent: AbortSignal): Promise<RemoteDonor | undefined> {
    using child = peerLimit(parent, ASK_TIMEOUT_MS, this.#deps);
    const { id } = await this.#deps.network.connect(peer, child.signal);
    if (!this.#isFirst(courtship, peer, id)) return undefined;
    const reply = await askOffer(this.#deps.network, id, child.signal);
    if (reply.type === "none") return undefined;
    if (reply.availability.state !== "open") {
      this.#tell(`${id}:${reply.availability.state}`, `${reply.name} takes no work now: ${reply.availability.reason}`);
      throw new RetryLater(reply.availability.reason);
    }
    const lack = lackOf(reply, this.#options.opening);
    if (lack !== undefined) {
      this.#tell(`${id}:build`, `${reply.name} is left out: ${lack}`);
      return undefined;
    }
    this.#options.admitPeer(id, true);
    const opened = await openRemoteDonor(this.#deps, { id, name: reply.name, benchmarkSpeed: reply.speed }, this.#openingNow(run), parent);
    if (opened instanceof RemoteDonor) return opened;
    this.#tell(`${id}:${opened.refused}`, `${reply.name} does not take this job: ${opened.message}`);
    if (isPassing(opened.refused)) throw new RetryLater(opened.message);
    return undefined;
  }

  /** Whoever is first with a peer stays with it, and hears of the other ways to it. */
  #isFirst(courtship: Courtship, way: string, id: string): boolean {
    const first = this.#courted.get(id) ?? courtship;
    this.#courted.set(id, first);
    if (!first.ways.includes(way)) first.ways.push(way);
    return first === courtship;
  }

  /** What the job has taught about itself by now goes with it. */
  #openingNow(run: JobRun): JobOpening {
    const { opening } = this.#options;
    const chunkSeconds = run.typicalChunkSeconds;
    return chunkSeconds === undefined ? opening : { ...opening, needs: { ...opening.needs, chunkSeconds } };
  }

  /** Every donor hears of the others, so that blocks of the scene come from them too. */
  #tellSources(run: JobRun): void {
    const links = run.donors.filter((donor) => donor instanceof RemoteDonor);
    void Promise.all(links.map(async ({ id }) => ({ id, addrs: await this.#deps.network.addressesOf(id) }))).then(
      (peers) => {
        for (const link of links) link.tellSources(peers.filter(({ id }) => id !== link.id));
      },
      (error: unknown) => this.#deps.log.debug({ error }, "donors could not be told of each other"),
    );
  }

  #tell(key: string, message: string | undefined): void {
    if (message === undefined || this.#told.has(key)) return;
    this.#told.add(key);
    this.#deps.observe({ event: "note", code: "peer", message });
  }
}

/** Why an offer is of no use for the job, by what it has. */
function lackOf({ builds, environments }: Offer, { build, needs }: JobOpening): string | undefined {
  if (needs.environment !== undefined) return environments === undefined ? "it runs work in no environments" : undefined;
  if (builds.some((other) => sameBuild(other, build))) return undefined;
  const theirs = builds.map(({ blenderVersion }) => blenderVersion).join(", ") || "none";
  return `it has Blender ${theirs}, and this job needs the same build of ${build.blenderVersion}`;
}

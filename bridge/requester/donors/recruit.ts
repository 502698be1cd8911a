import { isTemporary, type RefusalReply, sameBuild } from "../../core/admission.ts";
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
  readonly network: Pick<SwarmNetwork, "connect" | "open" | "knownPeers" | "watchPeers" | "addressesOf" | "findDonors">;
  readonly log: Log;
  readonly observe: (event: JobEvent) => void;
}

export interface RecruiterOptions {
  readonly opening: JobOpening;
  /** Peer ids or multiaddrs; when given, nobody else is asked. */
  readonly only: readonly string[];
  /** Told before the job is opened with a peer, and when its link is gone or never came about: decides who may have blocks. */
  readonly admitPeer: (peer: string, here: boolean) => void;
}

/** What of a run is needed to bring it donors. */
type RecruitingRun = Pick<JobRun, "addDonor" | "donors" | "typicalChunkSeconds">;

/** Waits between tries at a peer, in ms: short at first, since a donor may just be starting. */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000] as const;
const ASK_TIMEOUT_MS = 8_000;
const DHT_EVERY_MS = 20_000;

/** All names by which one peer was given: any of them may be the one that works. */
interface PeerAttempts {
  readonly names: string[];
}

/** What came of one try: a link; a donor that takes no work at the moment, and may later; nobody; a peer of no use for this job. */
type Attempt = RemoteDonor | "resting" | "missed" | "useless";

/** Finds donors for a running job, opens the job with them, and comes back to those that were lost. */
export class Recruiter {
  readonly #deps: RecruiterDeps;
  readonly #options: RecruiterOptions;
  readonly #keepingConnected = new TrackedTasks();
  readonly #kept = new Set<string>();
  /** By the id that the peer proved: two names may be one peer's, and two links to it would end each other. */
  readonly #contacted = new Map<string, PeerAttempts>();
  readonly #told = new Set<string>();

  constructor(deps: RecruiterDeps, options: RecruiterOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Recruits for `run` until `signal` aborts. */
  async recruit(run: RecruitingRun, parent: AbortSignal): Promise<void> {
    using child = childSignal(parent);
    const { signal } = child;
    const stopSearching = this.#isNamed ? () => {} : this.#search((peer) => this.#keepConnected(peer, run, signal), signal);
    for (const peer of this.#options.only) this.#keepConnected(peer, run, signal);
    await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
    stopSearching();
    await this.#keepingConnected.settle();
  }

  /** Only certain peers are asked: they are asked for ever. */
  get #isNamed(): boolean {
    return this.#options.only.length > 0;
  }

  /** Looks for whoever is in the swarm; returns how to stop. */
  #search(found: (peer: string) => void, signal: AbortSignal): () => void {
    const { network } = this.#deps;
    const stopWatching = network.watchPeers((peer, change) => change === "here" && found(peer.id));
    for (const { id } of network.knownPeers()) found(id);
    void this.#keepingConnected.add(this.#searchDht(signal));
    return stopWatching;
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

  #keepConnected(peer: string, run: RecruitingRun, signal: AbortSignal): void {
    if (this.#kept.has(peer)) return;
    this.#kept.add(peer);
    const attempts = { names: [peer] };
    const keepingConnected = this.#keepTrying(attempts, run, signal).finally(() => {
      this.#kept.delete(peer);
      for (const [id, held] of this.#contacted) if (held === attempts) this.#contacted.delete(id);
    });
    void this.#keepingConnected.add(keepingConnected);
  }

  /** Stays with a peer for the whole job: opens, waits until the link is gone, opens again. */
  async #keepTrying(attempts: PeerAttempts, run: RecruitingRun, signal: AbortSignal): Promise<void> {
    for (let misses = 0, tries = 0; !signal.aborted && (this.#isNamed || misses < RETRY_MS.length); tries++) {
      const { names } = attempts;
      const came = await this.#attempt(attempts, names[tries % names.length] as string, run, signal);
      if (came === "useless") return;
      if (came === "missed") misses++;
      // A donor that rests is asked as long as the job lasts, at the longest wait; one that does not answer is not.
      else if (came === "resting") misses = Math.min(misses + 1, RETRY_MS.length - 1);
      else {
        misses = 0;
        await this.#workWith(came, run);
      }
      await this.#deps.clock.sleep(RETRY_MS[Math.min(misses, RETRY_MS.length - 1)] ?? 0, signal).catch(() => {});
    }
  }

  /** Gives the run a donor, and settles when its link is gone. */
  async #workWith(link: RemoteDonor, run: RecruitingRun): Promise<void> {
    run.addDonor(link);
    this.#tellSources(run);
    await link.ended;
    this.#options.admitPeer(link.id, false);
    this.#tellSources(run);
  }

  async #attempt(attempts: PeerAttempts, name: string, run: RecruitingRun, signal: AbortSignal): Promise<Attempt> {
    try {
      return await this.#ask(attempts, name, run, signal);
    } catch (error) {
      const message = this.#isNamed && !signal.aborted ? `${name} cannot be reached yet: ${messageOf(error)}` : undefined;
      this.#tell(`${name}:${isFarmError(error) ? error.code : ""}`, message);
      return "missed";
    }
  }

  /** Asks a peer what it offers and opens the job with it. One that is contacted already under another name is of no use. */
  async #ask(attempts: PeerAttempts, name: string, run: RecruitingRun, parent: AbortSignal): Promise<Attempt> {
    using child = peerLimit(parent, ASK_TIMEOUT_MS, this.#deps);
    const { id } = await this.#deps.network.connect(name, child.signal);
    if (!this.#isFirst(attempts, name, id)) return "useless";
    const reply = await askOffer(this.#deps.network, id, child.signal);
    if (reply.type === "none") return "useless";
    if (reply.availability.state !== "open") {
      this.#tell(`${id}:${reply.availability.state}`, `${reply.name} takes no work now: ${reply.availability.reason}`);
      return "resting";
    }
    const lack = lackOf(reply, this.#options.opening);
    if (lack !== undefined) {
      this.#tell(`${id}:build`, `${reply.name} is left out: ${lack}`);
      return "useless";
    }
    return await this.#openJob({ id, name: reply.name, benchmarkSpeed: reply.speed }, run, parent);
  }

  async #openJob(peer: Parameters<typeof openRemoteDonor>[1], run: RecruitingRun, signal: AbortSignal): Promise<Attempt> {
    const { admitPeer } = this.#options;
    let opened: RemoteDonor | RefusalReply | undefined;
    admitPeer(peer.id, true);
    try {
      opened = await openRemoteDonor(this.#deps, peer, this.#openingNow(run), signal);
    } finally {
      if (!(opened instanceof RemoteDonor)) admitPeer(peer.id, false); // who does not work for the job gets none of its blocks
    }
    if (opened instanceof RemoteDonor) return opened;
    this.#tell(`${peer.id}:${opened.refused}`, `${peer.name} does not take this job: ${opened.message}`);
    return isTemporary(opened.refused) ? "resting" : "useless";
  }

  /** Whoever is first with a peer stays with it, and hears of its other names. */
  #isFirst(attempts: PeerAttempts, name: string, id: string): boolean {
    const first = this.#contacted.get(id) ?? attempts;
    this.#contacted.set(id, first);
    if (!first.names.includes(name)) first.names.push(name);
    return first === attempts;
  }

  /** What the job has taught about itself by now goes with it. */
  #openingNow(run: RecruitingRun): JobOpening {
    const { opening } = this.#options;
    const chunkSeconds = run.typicalChunkSeconds;
    return chunkSeconds === undefined ? opening : { ...opening, needs: { ...opening.needs, chunkSeconds } };
  }

  /** Every donor hears of the others, so that blocks of the scene come from them too. */
  #tellSources(run: RecruitingRun): void {
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

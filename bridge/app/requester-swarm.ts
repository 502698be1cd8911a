import PQueue from "p-queue";
import type { Home } from "../config/home.ts";
import { AnySource } from "../content/any-source.ts";
import type { EnvironmentStore } from "../content/environments/environment-store.ts";
import { totalBytesOf } from "../content/manifest.ts";
import type { PackedBundle } from "../content/pack.ts";
import type { JobEvent } from "../core/job-events.ts";
import type { Environments } from "../database/types.ts";
import { systemClock } from "../kernel/clock.ts";
import { FarmError, isFarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { VERSION } from "../kernel/version.ts";
import { lockHome } from "../network/home-lock.ts";
import { fetchFile } from "../protocols/blocks/fetch-file.ts";
import { BLOCKS_LIMITS, BLOCKS_PROTOCOL } from "../protocols/blocks/messages.ts";
import { serveBlocks } from "../protocols/blocks/serve-blocks.ts";
import { SuperSeeding } from "../protocols/blocks/super-seeding.ts";
import type { FrameStream, SwarmNetwork } from "../protocols/frame-stream.ts";
import { OFFER_LIMITS, OFFER_PROTOCOL } from "../protocols/offer/messages.ts";
import { answerOffer, askOffer } from "../protocols/offer/offer.ts";
import type { JobOrder } from "../requester/job-order.ts";
import type { JobRun } from "../requester/job-run.ts";
import type { FetchResult } from "../requester/ports.ts";
import { Recruiter } from "../requester/recruit.ts";
import { serveEnvironments } from "./environment-serving.ts";
import { openSwarm, type SwarmOptions } from "./open-swarm.ts";

/** Streams at once to one donor for results; the donor allows `maxInboundStreamsPerPeer`. */
const FETCHES_PER_DONOR = 2;
const LOOK_AROUND_MS = 1_200;

/** A job that donors are wanted for. */
export interface RecruitedJob {
  readonly bundle: PackedBundle;
  readonly order: JobOrder;
  readonly run: JobRun;
}

/** A requester's side of the swarm: finds donors, gives them the scene's blocks, takes their results. */
export class RequesterSwarm implements AsyncDisposable {
  readonly #network: SwarmNetwork & AsyncDisposable;
  readonly #lock: AsyncDisposable | undefined;
  readonly #log: Log;
  readonly #queues = new Map<string, PQueue>();
  readonly #seeding: SuperSeeding;
  readonly #welcome = new Set<string>();
  #environments: EnvironmentStore | undefined;
  #bundle: PackedBundle | undefined;
  #run: JobRun | undefined;
  bytesSent = 0;

  private constructor(network: SwarmNetwork & AsyncDisposable, lock: AsyncDisposable | undefined, log: Log) {
    this.#network = network;
    this.#lock = lock;
    this.#log = log;
    this.#seeding = new SuperSeeding({ addressesOf: (id) => network.addressesOf(id), broke: (_peer, _hash, error) => this.#broke(error) });
  }

  static async open(home: Home, options: SwarmOptions, log: Log, signal: AbortSignal): Promise<RequesterSwarm> {
    // Beside a donor of the same home: two nodes with one identity would take each other's messages.
    const lock = await lockHome(home.root).catch((error: unknown) => {
      if (isFarmError(error, "HOME_BUSY")) return undefined;
      throw error;
    });
    const network = await openSwarm(lock && home, options, log, signal);
    const swarm = new RequesterSwarm(network, lock, log);
    await network.handle(
      OFFER_PROTOCOL,
      (stream, _peer, end) => answerOffer(stream, () => ({ type: "none", agent: `p2p-render/${VERSION}` }), end),
      {
        maxInboundStreamsPerPeer: OFFER_LIMITS.maxInboundStreamsPerPeer,
      },
    );
    await network.handle(BLOCKS_PROTOCOL, (stream, peer, end) => swarm.#serve(stream, peer.id, end), {
      maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer,
    });
    return swarm;
  }

  /** From now on peers may have the environments that are shared here. */
  async serveEnvironments(home: Home, environments: Environments): Promise<void> {
    this.#environments = await serveEnvironments(this.#network, home, environments);
  }

  /** Slots of the donors that answer within a moment: what the planner reckons with. */
  async countSlots(peers: readonly string[], signal: AbortSignal): Promise<number> {
    await systemClock.sleep(peers.length > 0 ? 0 : LOOK_AROUND_MS, signal);
    const ids = peers.length > 0 ? peers : this.#network.knownPeers().map(({ id }) => id);
    const slots = await Promise.all(
      ids.map(async (peer) => {
        try {
          const { id } = await this.#network.connect(peer, AbortSignal.timeout(3_000));
          const reply = await askOffer(this.#network, id, AbortSignal.timeout(3_000));
          return reply.type === "offer" ? reply.slots : 0;
        } catch (error) {
          if (error instanceof FarmError && error.code === "PEER_ADDRESS_INVALID") throw error;
          return 0;
        }
      }),
    );
    return slots.reduce((sum, count) => sum + count, 0);
  }

  /** Recruits donors for a run until the signal aborts. */
  async recruit(
    { bundle, order, run }: RecruitedJob,
    options: { readonly only: readonly string[]; readonly mayShow: boolean; readonly observe: (event: JobEvent) => void },
    signal: AbortSignal,
  ): Promise<void> {
    this.#bundle = bundle;
    this.#run = run;
    const { version: blenderVersion, buildHash } = order.created.blender;
    const opening = {
      job: order.id,
      manifest: bundle.manifestHash,
      manifestBytes: bundle.manifestBytes.length,
      build: { blenderVersion, buildHash },
      needs: { sceneBytes: totalBytesOf(bundle.manifest), memoryBytes: order.facts.memoryBytes, environment: order.environment },
      mayShow: options.mayShow,
    };
    const deps = { network: this.#network, clock: systemClock, log: this.#log, observe: options.observe, fetchResult: this.#fetchResult };
    await new Recruiter(deps, { opening, only: options.only, welcome: (peer, here) => this.#admit(peer, here) }).recruit(run, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
    await this.#lock?.[Symbol.asyncDispose]();
  }

  /** Whoever the job is opened with may have its blocks; nobody else gets any. */
  #admit(peer: string, here: boolean): void {
    if (here) {
      this.#welcome.add(peer);
      this.#seeding.donorHere(peer);
    } else {
      this.#welcome.delete(peer);
      this.#seeding.donorGone(peer);
    }
  }

  async #serve(stream: FrameStream, peer: string, signal: AbortSignal): Promise<void> {
    const bundle = this.#bundle;
    const environments = this.#environments;
    const mayHave = (hash: string) => (bundle !== undefined && this.#welcome.has(peer)) || environments?.has(hash) === true;
    const policy = this.#seeding.policyFor(peer, mayHave);
    const sources = [bundle?.source, environments].filter((source) => source !== undefined);
    const counted = { ...policy, gave: (hash: string, bytes: number) => this.#gave(policy.gave, hash, bytes) };
    await serveBlocks(stream, new AnySource(sources), counted, signal);
  }

  /** The user changed a file of the scene while it travels: the job cannot end right any more. */
  #broke(error: unknown): void {
    if (isFarmError(error, "SCENE_CHANGED")) this.#run?.fail(error);
  }

  #gave(tell: ((hash: string, bytes: number) => void) | undefined, hash: string, bytes: number): void {
    this.bytesSent += bytes;
    tell?.(hash, bytes);
  }

  readonly #fetchResult: FetchResult = async (peer, file, toPath, signal) => {
    const queue = this.#queues.get(peer) ?? new PQueue({ concurrency: FETCHES_PER_DONOR });
    this.#queues.set(peer, queue);
    const open = () => this.#network.open(peer, BLOCKS_PROTOCOL, "bulk", signal);
    await queue.add(() => fetchFile({ hash: file.sha256, bytes: file.bytes, open, toPath }, signal), { signal });
  };
}

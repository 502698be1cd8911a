import PQueue from "p-queue";
import type { Home } from "../../config/home.ts";
import { CompositeBlockSource } from "../../content/blocks/composite-source.ts";
import type { EnvironmentStore } from "../../content/environments/environment-store.ts";
import { totalBytesOf } from "../../content/bundle/manifest.ts";
import type { PackedBundle } from "../../content/bundle/pack.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { type OfferedCapacity, swarmCapacityOf, type SwarmCapacity } from "../../core/plan/swarm-capacity.ts";
import type { Environments } from "../../database/types.ts";
import { childSignal } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import { VERSION } from "../../kernel/version.ts";
import type { World } from "../../kernel/world.ts";
import { fetchFile } from "../../protocols/blocks/fetch-file.ts";
import { BLOCKS_LIMITS, BLOCKS_PROTOCOL } from "../../protocols/blocks/messages.ts";
import type { ServedBlocks } from "../../protocols/blocks/ports.ts";
import { type ServePolicy, serveBlocks } from "../../protocols/blocks/serve-blocks.ts";
import type { FrameStream, RemotePeer, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { OFFER_LIMITS, OFFER_PROTOCOL } from "../../protocols/offer/messages.ts";
import { answerOffer, askOffer } from "../../protocols/offer/offer.ts";
import type { PreparedJob } from "../../requester/prepare/prepared-job.ts";
import type { JobRun } from "../../requester/run/job-run.ts";
import type { FetchResult } from "../../requester/ports.ts";
import { Recruiter } from "../../requester/donors/recruit.ts";
import { serveEnvironments } from "../environments/serve-environments.ts";
import { SceneSeeder } from "./scene-seeder.ts";
import { openSwarm, type SwarmOptions } from "./open-swarm.ts";

/** Concurrent streams to one donor for results; the donor allows `maxInboundStreamsPerPeer`. */
const FETCHES_PER_DONOR = 2;
const LOOK_AROUND_MS = 1_200;
const ANSWER_MS = 3_000;
const NO_CAPACITY: OfferedCapacity = { slots: 0 };

export interface SwarmDeps {
  readonly world: World;
  readonly log: Log;
}

/** A job to recruit donors for. */
export interface RecruitedJob {
  readonly bundle: PackedBundle;
  readonly prepared: PreparedJob;
  readonly run: JobRun;
}

export interface RecruitOptions {
  /** Every donor of the swarm, or only these. */
  readonly peers: "all" | readonly string[];
  /** Owners of donors may see previews of it. */
  readonly allowPreview: boolean;
  readonly observe: (event: JobEvent) => void;
  /** Called with the scene's bytes sent from this machine. */
  readonly sent: (bytes: number) => void;
}

/** A requester's side of the swarm, for all jobs of this process: finds donors, seeds the scenes' blocks, fetches results. */
export class RequesterSwarm implements AsyncDisposable {
  readonly network: SwarmNetwork & AsyncDisposable;
  readonly #deps: SwarmDeps;
  readonly #queues = new Map<string, PQueue>();
  readonly #scenes = new SceneSeeder();
  readonly #enteredMs: number;
  #environments: EnvironmentStore | undefined;

  private constructor(network: SwarmNetwork & AsyncDisposable, deps: SwarmDeps) {
    this.network = network;
    this.#deps = deps;
    this.#enteredMs = deps.world.clock.monotonicMs();
  }

  /** With the identity of `home` (locked by the caller), or with one for this run only. */
  static async open(
    home: Pick<Home, "root"> | undefined,
    options: SwarmOptions,
    deps: SwarmDeps,
    signal: AbortSignal,
  ): Promise<RequesterSwarm> {
    const network = await openSwarm(home, options, { clock: deps.world.clock, log: deps.log }, signal);
    const swarm = new RequesterSwarm(network, deps);
    await network.handle(
      OFFER_PROTOCOL,
      (stream, _peer, end) => answerOffer(stream, () => ({ type: "none", agent: `p2p-render/${VERSION}` }), end),
      {
        maxInboundStreamsPerPeer: OFFER_LIMITS.maxInboundStreamsPerPeer,
      },
    );
    const giveBlocks = async (stream: FrameStream, peer: RemotePeer, end: AbortSignal) => {
      const { source, policy } = swarm.#servedTo(peer.id);
      await serveBlocks(stream, source, policy, end);
    };
    await network.handle(BLOCKS_PROTOCOL, giveBlocks, { maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer });
    return swarm;
  }

  /** From now on peers may have the environments that are shared here. */
  async serveEnvironments(home: Home, environments: Environments): Promise<void> {
    this.#environments ??= await serveEnvironments(this.network, home, environments);
  }

  /** Seeds scenes only to their donors, and shared environments to every peer. */
  #servedTo(peer: string): { readonly source: ServedBlocks; readonly policy: ServePolicy } {
    const scenes = this.#scenes.servedTo(peer);
    const shared = this.#environments;
    if (shared === undefined) return scenes;
    const mayHave = (hash: Sha256) => scenes.policy.mayHave(hash) || shared.has(hash);
    return { source: new CompositeBlockSource([scenes.source, shared]), policy: { ...scenes.policy, mayHave } };
  }

  /** The capacity of the donors that answer within a short time, for the planner. */
  async offeredCapacity(peers: "all" | readonly string[], signal: AbortSignal): Promise<SwarmCapacity> {
    const { world } = this.#deps;
    const lookedMs = world.clock.monotonicMs() - this.#enteredMs;
    if (peers === "all" && lookedMs < LOOK_AROUND_MS) await world.clock.sleep(LOOK_AROUND_MS - lookedMs, signal);
    const ids = peers === "all" ? this.network.knownPeers().map(({ id }) => id) : peers;
    const asked = new Set<string>(); // two addresses may be one peer's
    const donors = await Promise.all(
      ids.map(async (peer): Promise<OfferedCapacity> => {
        try {
          using connecting = childSignal(undefined, { ms: ANSWER_MS, time: world });
          const { id } = await this.network.connect(peer, connecting.signal);
          if (asked.has(id)) return NO_CAPACITY;
          asked.add(id);
          using asking = childSignal(undefined, { ms: ANSWER_MS, time: world });
          const reply = await askOffer(this.network, id, asking.signal);
          return reply.type === "offer" ? reply : NO_CAPACITY;
        } catch (error) {
          if (error instanceof FarmError && error.code === "PEER_ADDRESS_INVALID") throw error;
          return NO_CAPACITY;
        }
      }),
    );
    return swarmCapacityOf(donors);
  }

  /** Recruits donors for a run until the signal aborts. */
  async recruit({ bundle, prepared, run }: RecruitedJob, options: RecruitOptions, signal: AbortSignal): Promise<void> {
    const { peers, observe, sent, allowPreview } = options;
    const addressesOf = (id: string) => this.network.addressesOf(id);
    using scene = this.#scenes.give(bundle, { sent, changed: (error) => run.fail(error) }, addressesOf);
    const { version: blenderVersion, buildHash } = prepared.created.blender;
    const opening = {
      job: prepared.id,
      manifest: bundle.manifestHash,
      manifestBytes: bundle.manifestBytes.length,
      build: { blenderVersion, buildHash },
      needs: { sceneBytes: totalBytesOf(bundle.manifest), memoryBytes: prepared.facts.memoryBytes, environment: prepared.environment },
      allowPreview,
    };
    const deps = { ...this.#deps.world, network: this.network, log: this.#deps.log, observe, fetchResult: this.#fetchResult };
    const only = peers === "all" ? [] : peers;
    await new Recruiter(deps, { opening, only, admitPeer: (peer, here) => scene.admit(peer, here) }).recruit(run, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network[Symbol.asyncDispose]();
  }

  readonly #fetchResult: FetchResult = async (peer, file, toPath, signal) => {
    const queue = this.#queues.get(peer) ?? new PQueue({ concurrency: FETCHES_PER_DONOR });
    this.#queues.set(peer, queue);
    const open = (end: AbortSignal) => this.network.open(peer, BLOCKS_PROTOCOL, "bulk", end);
    await queue.add(() => fetchFile({ world: this.#deps.world, hash: file.sha256, bytes: file.bytes, open, toPath }, signal), { signal });
  };
}

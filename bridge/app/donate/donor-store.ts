import { join } from "node:path";
import { CompositeBlockSource } from "../../content/blocks/composite-source.ts";
import type { BlockSource } from "../../content/blocks/block-source.ts";
import { type BlockStore, openBlockStore } from "../../content/blocks/block-store.ts";
import { blocksOf, parseManifest, totalBytesOf } from "../../content/bundle/manifest.ts";
import { extractBundle } from "../../content/bundle/extract-bundle.ts";
import type { ScenesAndResults, SceneOnDisk } from "../../donor/ports.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { World } from "../../kernel/world.ts";
import { fetchBlocks } from "../../protocols/blocks/fetch-blocks.ts";
import { fetchFile } from "../../protocols/blocks/fetch-file.ts";
import { BLOCKS_LIMITS, BLOCKS_PROTOCOL, type BlockPeer } from "../../protocols/blocks/messages.ts";
import { serveBlocks } from "../../protocols/blocks/serve-blocks.ts";
import type { FrameStream, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { BandwidthLimiter, pacedStream } from "../../protocols/bandwidth-limiter.ts";
import { ResultsForPickup } from "../../content/blocks/results-for-pickup.ts";

export interface DonorStoreOptions {
  readonly blocks: string;
  readonly scenes: string;
  /** Path of a scene's folder inside sandboxes; undefined: the same path. */
  readonly seenAt?: string;
  readonly capBytes: number;
  /** The owner's current limit in bytes per second; undefined: none. */
  readonly upload: () => number | undefined;
  readonly download: () => number | undefined;
}

type FetchInputsRequest = Parameters<ScenesAndResults["fetchScene"]>[0];
type OnProgress = Parameters<ScenesAndResults["fetchScene"]>[2];

/** The store of a donor; its owner may change its disk limit while it works. */
export interface OwnedDonorStore extends ScenesAndResults {
  /** Evicts what is over the new limit: unused data now, the rest when it is no longer used. */
  resize(capBytes: number): Promise<void>;
  /** Blocks, results and opened scenes together. */
  readonly usedBytes: number;
  /** Serves the blocks of another source, too, to any peer. */
  alsoServe(source: BlockSource): void;
  /** Opens a stream of the blocks protocol within the owner's bandwidth limit. */
  readonly openBlocks: (peer: BlockPeer, signal: AbortSignal) => Promise<FrameStream>;
  /** The longest range to request at that limit. */
  readonly pieceBytes: () => number | undefined;
}

/** Opens a donor's store and serves the blocks protocol from it. */
export async function startDonorStore(
  network: SwarmNetwork,
  options: DonorStoreOptions,
  { world, log }: { readonly world: World; readonly log: Log },
): Promise<OwnedDonorStore> {
  await world.disk.rm(options.scenes, { recursive: true, force: true });
  await world.disk.mkdir(options.scenes, { recursive: true, mode: 0o700 });
  const blocks = await openBlockStore({ directory: options.blocks, capBytes: options.capBytes }, { clock: world.clock, log });
  const results = await ResultsForPickup.open(blocks, join(options.blocks, "results-for-pickup"));
  const bandwidthLimiters = {
    up: new BandwidthLimiter(world.clock, options.upload),
    down: new BandwidthLimiter(world.clock, options.download),
  };
  const served: BlockSource[] = [blocks];
  const store = new SwarmDonorStore(network, { world, blocks, results, bandwidthLimiters, served }, options);
  const source = new CompositeBlockSource(served);
  const answer = (stream: FrameStream, peer: { readonly id: string }, signal: AbortSignal) => {
    const policy = { mayHave: (hash: string) => store.mayHave(hash, peer.id), pieceBytes: () => bandwidthLimiters.up.pieceBytes };
    return serveBlocks(pacedStream(stream, bandwidthLimiters), source, policy, signal);
  };
  await network.handle(BLOCKS_PROTOCOL, answer, { maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer });
  return store;
}

interface OpenScene {
  readonly scene: Promise<SceneOnDisk>;
  readonly directory: string;
  users: number;
  /** Donated disk space used by its files. */
  room: Disposable | undefined;
}

interface StoreParts {
  readonly world: World;
  readonly blocks: BlockStore;
  readonly results: ResultsForPickup;
  readonly bandwidthLimiters: { readonly up: BandwidthLimiter; readonly down: BandwidthLimiter };
  /** All sources served to peers; sources are added. */
  readonly served: BlockSource[];
}

/**
 * A donor's scenes and results on its disk, connected to the swarm: blocks are fetched and served by the blocks
 * protocol. A peer that knows a scene block's hash may fetch it; a result is served only to its requester.
 */
class SwarmDonorStore implements OwnedDonorStore {
  readonly #network: SwarmNetwork;
  readonly #world: World;
  readonly #blocks: BlockStore;
  readonly #results: ResultsForPickup;
  readonly #bandwidthLimiters: StoreParts["bandwidthLimiters"];
  readonly #served: BlockSource[];
  readonly #directory: string;
  readonly #seenAt: string | undefined;
  readonly #scenes = new Map<string, OpenScene>();
  #count = 0;

  constructor(network: SwarmNetwork, parts: StoreParts, places: Pick<DonorStoreOptions, "scenes" | "seenAt">) {
    this.#network = network;
    this.#world = parts.world;
    this.#blocks = parts.blocks;
    this.#results = parts.results;
    this.#bandwidthLimiters = parts.bandwidthLimiters;
    this.#served = parts.served;
    this.#directory = places.scenes;
    this.#seenAt = places.seenAt;
  }

  get usedBytes(): number {
    return this.#blocks.usedBytes;
  }

  alsoServe(source: BlockSource): void {
    this.#served.push(source);
  }

  readonly openBlocks = async (peer: BlockPeer, signal: AbortSignal): Promise<FrameStream> =>
    pacedStream(await openBlocks(this.#network, peer, signal), this.#bandwidthLimiters);

  readonly pieceBytes = (): number | undefined => this.#bandwidthLimiters.down.pieceBytes;

  async resize(capBytes: number): Promise<void> {
    await this.#blocks.resize(capBytes);
  }

  mayHave(hash: string, peer: string): boolean {
    return this.#results.isFor(hash, peer) ?? true;
  }

  async fetchScene(request: FetchInputsRequest, signal: AbortSignal, onProgress: OnProgress): Promise<SceneOnDisk> {
    let open = this.#scenes.get(request.manifest);
    if (!open) {
      const directory = join(this.#directory, `${request.manifest.slice(0, 16)}-${this.#count++}`);
      open = this.#open(request, directory, signal, onProgress);
      this.#scenes.set(request.manifest, open);
    }
    open.users++;
    try {
      return await open.scene;
    } catch (error) {
      if (this.#scenes.get(request.manifest) === open) this.#scenes.delete(request.manifest);
      throw error;
    }
  }

  async releaseScene(key: string, before: () => Promise<void>): Promise<void> {
    const open = this.#scenes.get(key);
    if (!open || --open.users > 0) return;
    this.#scenes.delete(key);
    await before();
    await this.#world.disk.rm(open.directory, { recursive: true, force: true });
    open.room?.[Symbol.dispose]();
  }

  async keepResult(path: string, peer: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
    return await this.#results.keep(path, peer);
  }

  async dropResult(hash: string, peer: string): Promise<void> {
    await this.#results.drop(hash, peer);
  }

  #open(request: FetchInputsRequest, directory: string, signal: AbortSignal, onProgress: OnProgress): OpenScene {
    const scene = Promise.withResolvers<SceneOnDisk>();
    const open: OpenScene = { directory, users: 0, room: undefined, scene: scene.promise };
    this.#bring(request, open, signal, onProgress).then(scene.resolve, scene.reject);
    return open;
  }

  async #bring(request: FetchInputsRequest, into: OpenScene, signal: AbortSignal, onProgress: OnProgress): Promise<SceneOnDisk> {
    const [requester] = request.sources();
    if (!requester) throw new Error("a scene has no source");
    const { openBlocks: open, pieceBytes } = this;
    const manifest = parseManifest(await this.#manifestBytes(request, (end) => open(requester, end), signal));
    const wanted = blocksOf(manifest).map(({ sha256, bytes }) => ({ hash: sha256, bytes }));
    const room = await this.#blocks.hold(totalBytesOf(manifest)); // its files are stored beside its blocks
    try {
      using _pin = this.#blocks.pin([request.manifest, ...wanted.map(({ hash }) => hash)]);
      const sources = () => request.sources().slice(1);
      await fetchBlocks(
        { world: this.#world, wanted, requester, sources, open, pieceBytes, store: this.#blocks },
        signal,
        ({ bytesDone, bytesTotal }) => onProgress(bytesDone, bytesTotal),
      );
      const seen = this.#seenAt === undefined ? {} : { seenAt: this.#seenAt };
      const { directory, scenePath, remap } = await extractBundle(
        { manifest, store: this.#blocks, directory: into.directory, ...seen },
        signal,
      );
      into.room = room;
      return { key: request.manifest, directory, path: scenePath, remap };
    } catch (error) {
      room[Symbol.dispose]();
      throw error;
    }
  }

  async #manifestBytes(
    request: FetchInputsRequest,
    open: (end: AbortSignal) => ReturnType<SwarmNetwork["open"]>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    if (!this.#blocks.has(request.manifest)) {
      const toPath = join(this.#directory, `manifest-${this.#count++}`);
      try {
        await fetchFile(
          { world: this.#world, hash: request.manifest, bytes: request.manifestBytes, open, toPath, pieceBytes: this.pieceBytes() },
          signal,
        );
        await this.#blocks.putFile(toPath, { hash: request.manifest }, signal);
      } finally {
        // Its number is never used again, so no partial file is continued.
        for (const left of [toPath, `${toPath}.part`]) await this.#world.disk.rm(left, { force: true });
      }
    }
    return await this.#blocks.get(request.manifest, signal);
  }
}

/** A stream to a peer by an existing connection, else by each announced address. Throws PEER_UNREACHABLE. */
async function openBlocks(network: SwarmNetwork, peer: BlockPeer, signal: AbortSignal): Promise<FrameStream> {
  const known = network.knownPeers().some(({ id }) => id === peer.id);
  let failure: unknown;
  for (const target of [...(known ? [peer.id] : []), ...peer.addrs]) {
    try {
      return await network.open(target, BLOCKS_PROTOCOL, "bulk", signal);
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure ?? new FarmError("PEER_UNREACHABLE", `no address of ${peer.id} is known`);
}

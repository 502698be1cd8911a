import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BlockStore, openBlockStore } from "../content/block-store.ts";
import { blocksOf, parseManifest } from "../content/manifest.ts";
import { materialise } from "../content/materialise.ts";
import type { BlockPeer, DonorStore, SceneOnDisk } from "../donor/ports.ts";
import { FarmError } from "../kernel/errors.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { fetchBlocks } from "../protocols/blocks/fetch-blocks.ts";
import { fetchFile } from "../protocols/blocks/fetch-file.ts";
import { BLOCKS_LIMITS, BLOCKS_PROTOCOL } from "../protocols/blocks/messages.ts";
import { serveBlocks } from "../protocols/blocks/serve-blocks.ts";
import type { FrameStream, SwarmNetwork } from "../protocols/frame-stream.ts";

export interface DonorStoreOptions {
  readonly blocks: string;
  readonly scenes: string;
  readonly capBytes: number;
}

type BringRequest = Parameters<DonorStore["bringScene"]>[0];
type OnProgress = Parameters<DonorStore["bringScene"]>[2];

/** Opens a donor's store and answers the blocks protocol from it. */
export async function openDonorStore(network: SwarmNetwork, options: DonorStoreOptions, log: Log): Promise<DonorStore> {
  await rm(options.scenes, { recursive: true, force: true });
  await mkdir(options.scenes, { recursive: true, mode: 0o700 });
  const blocks = await openBlockStore({ directory: options.blocks, capBytes: options.capBytes }, { clock: systemClock, log });
  const store = new SwarmDonorStore(network, blocks, options);
  await network.handle(
    BLOCKS_PROTOCOL,
    (stream, peer, signal) => serveBlocks(stream, blocks, { mayHave: (hash) => store.mayHave(hash, peer.id) }, signal),
    {
      maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer,
    },
  );
  return store;
}

interface OpenScene {
  readonly scene: Promise<SceneOnDisk>;
  readonly directory: string;
  users: number;
}

interface HeldResult {
  readonly peers: Set<string>;
  readonly pin: Disposable;
}

/**
 * A donor's scenes and results on its disk, joined to the swarm: blocks come and go by the blocks
 * protocol. Who knows a scene block's hash may have it; a result goes only to the requester it was made for.
 */
class SwarmDonorStore implements DonorStore {
  readonly #network: SwarmNetwork;
  readonly #blocks: BlockStore;
  readonly #options: DonorStoreOptions;
  readonly #scenes = new Map<string, OpenScene>();
  readonly #results = new Map<string, HeldResult>();
  #count = 0;

  constructor(network: SwarmNetwork, blocks: BlockStore, options: DonorStoreOptions) {
    this.#network = network;
    this.#blocks = blocks;
    this.#options = options;
  }

  mayHave(hash: string, peer: string): boolean {
    return this.#results.get(hash)?.peers.has(peer) ?? true;
  }

  async bringScene(request: BringRequest, signal: AbortSignal, onProgress: OnProgress): Promise<SceneOnDisk> {
    let open = this.#scenes.get(request.manifest);
    if (!open) {
      const directory = join(this.#options.scenes, `${request.manifest.slice(0, 16)}-${this.#count++}`);
      open = { directory, users: 0, scene: this.#bring(request, directory, signal, onProgress) };
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

  async releaseScene(key: string): Promise<void> {
    const open = this.#scenes.get(key);
    if (!open || --open.users > 0) return;
    this.#scenes.delete(key);
    await rm(open.directory, { recursive: true, force: true });
  }

  async keepResult(path: string, peer: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
    const { hash, bytes } = await this.#blocks.putFile(path, {}, new AbortController().signal);
    const held = this.#results.get(hash) ?? { peers: new Set(), pin: this.#blocks.pin([hash]) };
    held.peers.add(peer);
    this.#results.set(hash, held);
    return { sha256: hash, bytes };
  }

  async dropResult(hash: string): Promise<void> {
    this.#results.get(hash)?.pin[Symbol.dispose]();
    this.#results.delete(hash);
    await this.#blocks.remove(hash);
  }

  async #bring(request: BringRequest, directory: string, signal: AbortSignal, onProgress: OnProgress): Promise<SceneOnDisk> {
    const [requester] = request.sources();
    if (!requester) throw new Error("a scene has no source");
    const open = (peer: BlockPeer, end: AbortSignal) => openBlocks(this.#network, peer, end);
    const manifest = parseManifest(await this.#manifestBytes(request, () => open(requester, signal), signal));
    const wanted = blocksOf(manifest).map(({ sha256, bytes }) => ({ hash: sha256, bytes }));
    const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total > this.#options.capBytes)
      throw new FarmError("DISK_FULL", "the scene is larger than this donor's cache", { facts: { total } });
    using _pin = this.#blocks.pin([request.manifest, ...wanted.map(({ hash }) => hash)]);
    const sources = () => request.sources().slice(1);
    await fetchBlocks({ wanted, requester, sources, open, store: this.#blocks }, signal, ({ bytesDone, bytesTotal }) =>
      onProgress(bytesDone, bytesTotal),
    );
    const { scenePath, remap } = await materialise({ manifest, store: this.#blocks, directory }, signal);
    return { key: request.manifest, path: scenePath, remap };
  }

  async #manifestBytes(request: BringRequest, open: () => ReturnType<SwarmNetwork["open"]>, signal: AbortSignal): Promise<Uint8Array> {
    if (!this.#blocks.has(request.manifest)) {
      const toPath = join(this.#options.scenes, `manifest-${this.#count++}`);
      await fetchFile({ hash: request.manifest, bytes: request.manifestBytes, open, toPath }, signal);
      await this.#blocks.putFile(toPath, { hash: request.manifest }, signal);
    }
    return await this.#blocks.get(request.manifest, signal);
  }
}

/** A stream to a peer by the connection that is there, else by each address it is said to have. Throws PEER_UNREACHABLE. */
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
  throw failure ?? new FarmError("PEER_UNREACHABLE", `nobody knows an address of ${peer.id}`);
}

import { factsFromLabels } from "../../core/environments/facts.ts";
import type { RequestedEnvironment, EnvironmentVerdict } from "../../core/environments/may-run.ts";
import {
  checkConfig,
  contentsOf,
  type EnvironmentManifest,
  ENVIRONMENT_LIMITS,
  parseEnvironmentManifest,
  uncompressedLayerBytes,
} from "../../content/environments/environment-manifest.ts";
import type { EnvironmentStore } from "../../content/environments/environment-store.ts";
import { layerFromBlocks } from "../../content/environments/layer-blocks.ts";
import { abortable, childSignal } from "../../kernel/abort.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { Time, World } from "../../kernel/world.ts";
import { fetchBlocks } from "../../protocols/blocks/fetch-blocks.ts";
import { fetchBytes } from "../../protocols/blocks/fetch-file.ts";
import type { BlockPeer } from "../../protocols/blocks/messages.ts";
import type { EnvironmentReply, EnvironmentSignature, OfferedEnvironment } from "../../protocols/environments/messages.ts";
import type { FrameStream } from "../../protocols/frame-stream.ts";
import type { EngineImage, ImageEngine } from "../../sandbox/images/image-engine.ts";

export interface FetchEnvironmentPorts {
  readonly engine: Pick<ImageEngine, "findEnvironment" | "layersHere" | "load">;
  readonly store: EnvironmentStore;
  readonly world: Time & Pick<World, "random">;
  /** A peer's offer of an environment. */
  readonly ask: (peer: BlockPeer, digest: string, signal: AbortSignal) => Promise<EnvironmentReply>;
  /** Opens a stream of the blocks protocol. */
  readonly open: (peer: BlockPeer, signal: AbortSignal) => Promise<FrameStream>;
  readonly pieceBytes?: () => number | undefined;
  readonly isSigned: (digest: string, signature: EnvironmentSignature) => Promise<boolean>;
  /** The owner's decision. */
  readonly policy: (asked: RequestedEnvironment) => EnvironmentVerdict;
  /** Makes room for so many bytes, blocks and unpacked layers together, and returns the free bytes. */
  readonly makeRoom: (neededBytes: number) => Promise<number>;
}

export interface FetchEnvironmentRequest {
  readonly digest: string;
  /** Peers that may currently have it; the preferred ones first. */
  readonly sources: () => readonly BlockPeer[];
}

export interface FetchedEnvironment {
  readonly image: EngineImage;
  /** Bytes fetched per peer; empty if it was installed already. */
  readonly bytesFrom: ReadonlyMap<string, number>;
  /** Peers that sent wrong blocks. */
  readonly banned: readonly string[];
}

/** How long to wait for a peer that has it: donors learn of each other a moment after the job is opened. */
const PATIENCE_MS = 15_000;
const ASK_AGAIN_MS = 500;
const ASK_LIMIT_MS = 5_000;

type OnProgress = (bytesDone: number, bytesTotal: number) => void;

/**
 * Gets an environment into the engine: an installed one, or one whose blocks are fetched from several peers at once,
 * each verified, without layers that the engine has. Blocks fetched before a failure are not fetched again.
 * Throws ENVIRONMENT_REFUSED (the owner's decision), ENVIRONMENT_INVALID and BLOCK_CORRUPT (all peers sent wrong blocks),
 * BLOCK_MISSING (no peer has it), PEER_UNREACHABLE, DISK_FULL, or the signal's reason.
 */
export async function fetchEnvironment(
  request: FetchEnvironmentRequest,
  ports: FetchEnvironmentPorts,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<FetchedEnvironment> {
  signal.throwIfAborted();
  const { digest } = request;
  const present = await ports.engine.findEnvironment(digest);
  if (present) {
    compute(ports.policy({ digest, isHere: true, signedBy: [] }));
    return { image: present, bytesFrom: new Map(), banned: [] };
  }
  return await new EnvironmentFetch(request, ports, onProgress).run(signal);
}

interface Offered extends OfferedEnvironment {
  readonly peer: BlockPeer;
}

class EnvironmentFetch {
  readonly #request: FetchEnvironmentRequest;
  readonly #ports: FetchEnvironmentPorts;
  readonly #onProgress: OnProgress;
  /** Peers that are not asked again. */
  readonly #banned = new Set<string>();
  readonly #bytesFrom = new Map<string, number>();

  constructor(request: FetchEnvironmentRequest, ports: FetchEnvironmentPorts, onProgress: OnProgress) {
    this.#request = request;
    this.#ports = ports;
    this.#onProgress = onProgress;
  }

  async run(signal: AbortSignal): Promise<FetchedEnvironment> {
    while (true) {
      const offers = await this.#offers(signal);
      await this.#askOwner(offers);
      const [first] = offers;
      if (first === undefined) throw missing(this.#request.digest);
      // Peers that cut the image in the same way have the same blocks.
      const peers = offers.filter(({ manifest }) => manifest === first.manifest).map(({ peer }) => peer);
      try {
        const image = await this.#bring(first, peers, signal);
        return { image, bytesFrom: this.#bytesFrom, banned: [...this.#banned] };
      } catch (error) {
        const isLie = isFarmError(error, "ENVIRONMENT_INVALID") || isFarmError(error, "BLOCK_CORRUPT");
        for (const { id } of peers) this.#banned.add(id);
        if (!isLie || this.#left().length === 0) throw error;
      }
    }
  }

  #left(): readonly BlockPeer[] {
    return this.#request.sources().filter(({ id }) => !this.#banned.has(id));
  }

  /** The peers' offers, those that agree with most others first. Waits a while for the first peer that has it. */
  async #offers(signal: AbortSignal): Promise<readonly Offered[]> {
    const { clock } = this.#ports.world;
    const startMs = clock.monotonicMs();
    while (true) {
      const asked = await Promise.all(this.#left().map((peer) => this.#askPeer(peer, signal)));
      const offers = asked.filter((offer) => offer !== undefined);
      const votes = (offer: Offered) => offers.filter(({ manifest }) => manifest === offer.manifest).length;
      if (offers.length > 0) return offers.toSorted((a, b) => votes(b) - votes(a));
      if (clock.monotonicMs() - startMs > PATIENCE_MS) throw missing(this.#request.digest);
      await clock.sleep(ASK_AGAIN_MS, signal);
    }
  }

  async #askPeer(peer: BlockPeer, parent: AbortSignal): Promise<Offered | undefined> {
    using limit = childSignal(parent, { ms: ASK_LIMIT_MS, time: this.#ports.world });
    try {
      const reply = await abortable(this.#ports.ask(peer, this.#request.digest, limit.signal), limit.signal);
      return reply.type === "environment" ? { ...reply, peer } : undefined;
    } catch {
      parent.throwIfAborted();
      return undefined;
    }
  }

  async #askOwner(offers: readonly Offered[]): Promise<void> {
    const { digest } = this.#request;
    const signedBy: string[] = [];
    for (const signature of offers.flatMap(({ signatures }) => signatures)) {
      if (await this.#ports.isSigned(digest, signature)) signedBy.push(signature.signer);
    }
    compute(this.#ports.policy({ digest, isHere: false, signedBy }));
  }

  async #bring(offer: Offered, peers: readonly BlockPeer[], signal: AbortSignal): Promise<EngineImage> {
    const { store, engine } = this.#ports;
    const { digest } = this.#request;
    const manifest = parseEnvironmentManifest(await this.#content(offer.manifest, offer.manifestBytes, peers, signal));
    if (manifest.digest !== digest) throw invalidEnvironment("it describes another one");
    const config = await this.#content(digest, manifest.configBytes, peers, signal);
    if (factsFromLabels(checkConfig(manifest, config).labels) === undefined) throw invalidEnvironment("it has no environment labels");
    const here = await engine.layersHere(manifest.layers.map(({ diffId }) => diffId));
    await this.#requireQuota(manifest, here);
    await store.put(digest, config);
    await this.#fetch(manifest, here, peers, signal);
    const get = (hash: string, bytes: number) => store.read(hash, 0, bytes, signal);
    const layers = manifest.layers.map((layer) => {
      const { diffId, bytes } = layer;
      return here.has(diffId) ? { diffId, bytes } : { diffId, bytes, tar: () => layerFromBlocks(layer, get) };
    });
    try {
      const image = await engine.load({ digest, config, layers }, signal);
      await store.keep(manifest, offer.signatures);
      return image;
    } catch (error) {
      if (isFarmError(error, "ENVIRONMENT_INVALID")) await store.discard(manifest);
      throw error;
    }
  }

  async #fetch(
    manifest: EnvironmentManifest,
    without: ReadonlySet<string>,
    peers: readonly BlockPeer[],
    signal: AbortSignal,
  ): Promise<void> {
    const { store, open, pieceBytes } = this.#ports;
    const [requester, ...others] = peers;
    if (requester === undefined) throw missing(manifest.digest);
    const wanted = contentsOf(manifest, without);
    const sources = () => [...others, ...this.#left().filter(({ id }) => !peers.some((peer) => peer.id === id))];
    const pacing = pieceBytes === undefined ? {} : { pieceBytes };
    const { bytesFrom, banned } = await fetchBlocks(
      { world: this.#ports.world, wanted, requester, sources, open, store, ...pacing },
      signal,
      ({ bytesDone, bytesTotal }) => this.#onProgress(bytesDone, bytesTotal),
    );
    for (const [peer, bytes] of bytesFrom) this.#bytesFrom.set(peer, (this.#bytesFrom.get(peer) ?? 0) + bytes);
    for (const peer of banned) this.#banned.add(peer);
  }

  /** Fetches a small file from the first peer that sends the right bytes. */
  async #content(hash: string, bytes: number, peers: readonly BlockPeer[], signal: AbortSignal): Promise<Uint8Array> {
    const { store, open } = this.#ports;
    if (store.has(hash)) return await store.read(hash, 0, bytes, signal);
    let failure: unknown = missing(this.#request.digest);
    for (const peer of peers) {
      try {
        const request = {
          world: this.#ports.world,
          hash,
          bytes,
          open: (end: AbortSignal) => open(peer, end),
          maxBytes: ENVIRONMENT_LIMITS.maxManifestBytes,
        };
        return await fetchBytes(request, signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  async #requireQuota(manifest: EnvironmentManifest, here: ReadonlySet<string>): Promise<void> {
    const layers = manifest.layers.filter(({ diffId }) => !here.has(diffId));
    const stored = contentsOf(manifest, here).reduce((sum, { hash, bytes }) => sum + (this.#ports.store.has(hash) ? 0 : bytes), 0);
    const needed = stored + uncompressedLayerBytes({ ...manifest, layers });
    const room = await this.#ports.makeRoom(needed);
    if (needed <= room) return;
    const facts = { neededBytes: needed, roomBytes: room };
    throw new FarmError("DISK_FULL", "the environment is larger than the donated disk", {
      facts,
      advice: "Donate more disk, or remove environments (`bridge env list`).",
    });
  }
}

function compute(verdict: EnvironmentVerdict): void {
  if (verdict.verdict !== "accept") throw new FarmError("ENVIRONMENT_REFUSED", verdict.reason, { facts: { verdict: verdict.verdict } });
}

function missing(digest: string): FarmError {
  return new FarmError("BLOCK_MISSING", "no peer has the environment of this job", {
    facts: { digest },
    advice: "A peer that has it can share it with `bridge env share`.",
  });
}

function invalidEnvironment(why: string): FarmError {
  return new FarmError("ENVIRONMENT_INVALID", `an environment was refused: ${why}`);
}

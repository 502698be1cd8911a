import { randomBytes } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import tar from "tar-stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startDonorStore } from "../../app/donate/donor-store.ts";
import { listEnvironments, removeEnvironment, shareEnvironment, unshareEnvironment } from "../../app/environments/environment-catalog.ts";
import { EnvironmentQuota } from "../../app/environments/environment-quota.ts";
import { serveEnvironments } from "../../app/environments/serve-environments.ts";
import { type FetchEnvironmentPorts, fetchEnvironment } from "../../app/environments/fetch-environment.ts";
import { type Home, openHome } from "../../config/home.ts";
import type { BlockSource } from "../../content/blocks/block-source.ts";
import { contentsOf, type EnvironmentManifest } from "../../content/environments/environment-manifest.ts";
import { EnvironmentStore } from "../../content/environments/environment-store.ts";
import { cutLayer } from "../../content/environments/layer-blocks.ts";
import { EVICTION_GRACE_MS } from "../../core/environments/evict.ts";
import { environmentTag, factsFromLabels, imageLabelsOf } from "../../core/environments/facts.ts";
import { mayRun } from "../../core/environments/may-run.ts";
import { DEFAULT_TERMS } from "../../core/terms/terms.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database } from "../../database/types.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { verifySignature } from "../../network/node/signing.ts";
import type { SwarmNode } from "../../network/node/node.ts";
import { addressOf, never, TestNodes } from "../network/test-nodes.ts";
import { BLOCKS_PROTOCOL } from "../../protocols/blocks/messages.ts";
import { askEnvironment } from "../../protocols/environments/environments.ts";
import { signedText } from "../../protocols/environments/messages.ts";
import { ImageEngine } from "../../sandbox/images/image-engine.ts";
import { type SecondEngine, startSecondEngine } from "../second-engine.ts";

/** Environments of a few MiB, shared by one node and fetched into the engine of another: real engines, real sockets. */

const MIB = 1024 * 1024;
const LAYER_BYTES = 22 * MIB;
const FACTS = {
  blenderVersion: "3.4.1",
  buildHash: "0123456789ab",
  blenderPath: "/usr/bin/blender",
  backends: ["CPU"],
  hasDenoiser: false,
} as const;

let folder: string;
let home: Home;
let engine: ImageEngine;
let far: SecondEngine;
let digest: string;
/** Built on the first, with one small layer more. */
let onTop: string;
const made: string[] = [];

/** A root folder's tar with one file that cannot be compressed. */
function rootOf(bytes: Buffer) {
  const pack = tar.pack();
  pack.entry({ name: "etc/", type: "directory" });
  pack.entry({ name: "etc/content" }, bytes);
  pack.finalize();
  return pack.pipe(new PassThrough());
}

async function build(base: string, folderInside: string): Promise<string> {
  const from = { text: `FROM ${base}\nWORKDIR ${folderInside}\n` };
  const image = await engine.find(await engine.build({ from, args: {}, labels: imageLabelsOf(FACTS) }, () => {}, never()));
  if (!image) throw new Error("nothing was built");
  const built = await engine.digestOf(image, never());
  await engine.name(image, built);
  await using database = openDatabase(home.database);
  database.environments.put({ digest: built, facts: FACTS, bytes: image.bytes, addedAt: made.length, origin: "built", isShared: false });
  made.push(built);
  return built;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "environments-"));
  home = await openHome(systemWorld.disk, join(folder, "home"));
  engine = await ImageEngine.open();
  const base = `p2p-render/test:${process.pid}`;
  await engine.import(rootOf(randomBytes(LAYER_BYTES)), base, never());
  digest = await build(base, "/one");
  onTop = await build(`${environmentTag(digest)}`, "/one/two");
  await engine.remove(base);
  for (const each of [digest, onTop]) await shareEnvironment(home, each, () => {}, never());
  far = await startSecondEngine();
});
afterAll(async () => {
  await far?.[Symbol.asyncDispose]();
  for (const each of made) await engine.remove(environmentTag(each));
  await rm(folder, { recursive: true, force: true });
});

let nodes: TestNodes;
let stack: AsyncDisposableStack;
beforeEach(() => {
  nodes = new TestNodes();
  stack = new AsyncDisposableStack();
  stack.use(nodes);
});
afterEach(async () => {
  await stack.disposeAsync();
  for (const each of made) await far.images.remove(environmentTag(each));
});

interface Peer {
  readonly node: SwarmNode;
  readonly database: Database;
  readonly contents: EnvironmentStore;
}

/** A node that shares a copy of the home's environments; `around` may wrap its block source. */
async function peerOf(around: (source: BlockSource) => BlockSource = (source) => source): Promise<Peer> {
  const own = await openHome(systemWorld.disk, await mkdtemp(join(folder, "peer-")));
  await cp(home.environments, own.environments, { recursive: true });
  await using listed = openDatabase(home.database);
  const database = stack.use(openDatabase(own.database));
  for (const row of listed.environments.list()) database.environments.put(row);
  const node = await nodes.open();
  const options = { blocks: own.blocks, scenes: own.scenes, capBytes: MIB, upload: () => undefined, download: () => undefined };
  const store = await startDonorStore(node, options, { world: systemWorld, log: silentLog });
  const contents = await serveEnvironments(node, own, database.environments);
  store.alsoServe(around(contents));
  return { node, database, contents };
}

/** The ports of a node that fetches the environment. */
async function seeker(
  environments: readonly string[] = ["any"],
  changes: Partial<FetchEnvironmentPorts> = {},
): Promise<FetchEnvironmentPorts> {
  const node = await nodes.open();
  const store = new EnvironmentStore(await mkdtemp(join(folder, "seeker-")));
  return {
    engine: far.images,
    store,
    world: systemWorld,
    ask: ({ addrs: [address = ""] }, asked, signal) => askEnvironment(node, address, asked, signal),
    open: ({ addrs: [address = ""] }, signal) => node.open(address, BLOCKS_PROTOCOL, "bulk", signal),
    isSigned: (asked, signature) => verifySignature(signedText(asked), signature),
    policy: (asked) => mayRun(asked, { ...DEFAULT_TERMS, environments }),
    makeRoom: async () => 1024 * MIB,
    ...changes,
  };
}

const requestOf = (wanted: string, ...peers: readonly Peer[]) => ({
  digest: wanted,
  sources: () => peers.map(({ node }) => ({ id: node.selfId, addrs: [addressOf(node)] })),
});

/** Corrupts all blocks of a layer, and nothing else. */
function corrupting(source: BlockSource): BlockSource {
  return {
    sizeOf: (hash) => source.sizeOf(hash),
    read: async (hash, offset, length, signal) => {
      const bytes = Buffer.from(await source.read(hash, offset, length, signal));
      if (length > MIB) bytes[length - 1] = (bytes[length - 1] ?? 0) ^ 1;
      return bytes;
    },
  };
}

describe("an environment", () => {
  it("is fetched from two peers into an engine that lacks it, bit for bit", async () => {
    const [one, two, ports] = [await peerOf(), await peerOf(), await seeker()];
    const { image, bytesFrom, banned } = await fetchEnvironment(requestOf(digest, one, two), ports, never());
    const original = await engine.findEnvironment(digest);
    expect(image.layers).toEqual(original?.layers);
    expect(await far.images.digestOf(image, never())).toBe(digest);
    expect(factsFromLabels(image.labels)).toEqual(FACTS);
    expect([...bytesFrom.keys()].toSorted()).toEqual([one, two].map(({ node }) => node.selfId).toSorted());
    expect([...bytesFrom.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(LAYER_BYTES);
    expect(banned).toEqual([]);
    const again = await fetchEnvironment(requestOf(digest), ports, never());
    expect(again).toEqual({ image, bytesFrom: new Map(), banned: [] });
  });

  it("on layers that the engine has fetches only the missing ones", async () => {
    const [peer, ports] = [await peerOf(), await seeker()];
    await fetchEnvironment(requestOf(digest, peer), ports, never());
    const fresh = await seeker();
    const { image, bytesFrom } = await fetchEnvironment(requestOf(onTop, peer), fresh, never());
    expect(image.layers).toHaveLength(3);
    expect([...bytesFrom.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(20_000);
  });

  it("is fetched from others when a peer corrupts a layer, and no more from that peer", async () => {
    const [liar, honest, ports] = [await peerOf(corrupting), await peerOf(), await seeker()];
    const { image, banned, bytesFrom } = await fetchEnvironment(requestOf(digest, liar, honest), ports, never());
    expect(await far.images.digestOf(image, never())).toBe(digest);
    expect(banned).toEqual([liar.node.selfId]);
    expect(bytesFrom.get(honest.node.selfId)).toBeGreaterThan(LAYER_BYTES);
  });

  it("fails when all peers corrupt it, and no layer of it is loaded", async () => {
    const [liar, ports] = [await peerOf(corrupting), await seeker()];
    await expect(fetchEnvironment(requestOf(digest, liar), ports, never())).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect(await far.images.findEnvironment(digest)).toBeUndefined();
  });

  it("is fetched from others when a peer offers blocks that match their hashes but make another layer", async () => {
    const [liar, honest, ports] = [await peerOf(), await peerOf(), await seeker()];
    const truth = (await liar.contents.manifestOf(digest)) as EnvironmentManifest;
    const put = (hash: string, bytes: Uint8Array) => liar.contents.put(hash, bytes);
    const evil = await cutLayer(rootOf(randomBytes(LAYER_BYTES)), put, never());
    const [first, ...others] = truth.layers;
    const layers = [{ ...evil, diffId: first?.diffId ?? "" }, ...others];
    await liar.contents.keep({ ...truth, layers }, []);
    const { image, banned } = await fetchEnvironment(requestOf(digest, liar, honest), ports, never());
    expect(await far.images.digestOf(image, never())).toBe(digest);
    expect(banned).toEqual([liar.node.selfId]);
    expect(evil.blocks.some((block) => ports.store.has(block.sha256))).toBe(false);
  });

  it("continues where an interrupted transfer ended", async () => {
    const [peer, ports] = [await peerOf(), await seeker()];
    const stop = new AbortController();
    let before = 0;
    const interrupted = fetchEnvironment(requestOf(digest, peer), ports, stop.signal, (done) => {
      before = done;
      if (done > 8 * MIB) stop.abort(new Error("interrupted"));
    });
    await expect(interrupted).rejects.toThrow("interrupted");
    const { bytesFrom } = await fetchEnvironment(requestOf(digest, peer), ports, never());
    const manifest = (await peer.contents.manifestOf(digest)) as EnvironmentManifest;
    const total = contentsOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(bytesFrom.get(peer.node.selfId)).toBeLessThanOrEqual(total - before);
  });

  it("that is larger than the donated disk is not fetched", async () => {
    const [peer, ports] = [await peerOf(), await seeker(["any"], { makeRoom: async () => 30 * MIB })];
    await expect(fetchEnvironment(requestOf(digest, peer), ports, never())).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await far.images.findEnvironment(digest)).toBeUndefined();
  });

  it("that no peer shares any more is not found", async () => {
    const hasty = { ...systemClock, monotonicMs: () => performance.now() * 5 };
    const [peer, ports] = [await peerOf(), await seeker(["any"], { world: { ...systemWorld, clock: hasty } })];
    peer.database.environments.setShared(digest, false);
    await expect(fetchEnvironment(requestOf(digest, peer), ports, never())).rejects.toMatchObject({ code: "BLOCK_MISSING" });
  });

  it("is refused when an engine has another image under its name", async () => {
    const image = await engine.findEnvironment(digest);
    const { config, layers } = await engine.save(image?.id ?? "", async (layer) => await buffer(layer), never());
    const other = Buffer.from(config.toString().replace('"0123456789ab"', '"ba9876543210"'));
    const toLoad = (image?.layers ?? []).map((diffId, at) => ({
      diffId,
      bytes: layers[at]?.length ?? 0,
      tar: () => Readable.from([layers[at]!]),
    }));
    await expect(far.images.load({ digest, config: other, layers: toLoad }, never())).rejects.toMatchObject({
      code: "ENVIRONMENT_INVALID",
    });
    expect(await far.images.find(environmentTag(digest))).toBeUndefined();
  });
});

describe("an owner's decision on another peer's environment", () => {
  it("is to refuse it by default, with the reason", async () => {
    const [peer, ports] = [await peerOf(), await seeker([])];
    const refused = fetchEnvironment(requestOf(digest, peer), ports, never());
    await expect(refused).rejects.toMatchObject({
      code: "ENVIRONMENT_REFUSED",
      message: expect.stringContaining("no environments of others"),
    });
    expect(await far.images.findEnvironment(digest)).toBeUndefined();
  });

  it("is to accept it only with a valid signature by a trusted key", async () => {
    const peer = await peerOf();
    const [{ signer } = { signer: "" }] = await peer.contents.signaturesOf(digest);
    const other = (await nodes.open()).selfId;
    await expect(fetchEnvironment(requestOf(digest, peer), await seeker([other]), never())).rejects.toMatchObject({
      code: "ENVIRONMENT_REFUSED",
    });
    const forged = await peer.contents.signaturesOf(onTop);
    const manifest = (await peer.contents.manifestOf(digest)) as EnvironmentManifest;
    const genuine = await peer.contents.signaturesOf(digest);
    await peer.contents.keep(manifest, [...forged]);
    await expect(fetchEnvironment(requestOf(digest, peer), await seeker([signer]), never())).rejects.toMatchObject({
      code: "ENVIRONMENT_REFUSED",
    });
    await peer.contents.keep(manifest, [...genuine]);
    const { image } = await fetchEnvironment(requestOf(digest, peer), await seeker([signer]), never());
    expect(factsFromLabels(image.labels)).toEqual(FACTS);
  });
});

describe("environments fetched from others", () => {
  it("are evicted for the next one, least recently used first, but not those in use and those the owner built", async () => {
    const peer = await peerOf();
    const ports = await seeker();
    const own = await openHome(systemWorld.disk, await mkdtemp(join(folder, "room-")));
    const { environments } = stack.use(openDatabase(own.database));
    const { image } = await fetchEnvironment(requestOf(digest, peer), ports, never());
    const row = { facts: FACTS, bytes: image.bytes, addedAt: 0, isShared: true };
    environments.put({ ...row, digest, origin: ["12D3"] });
    environments.put({ ...row, digest: "a".repeat(64), origin: "built" });
    let nowMs = 1;
    const clock = { ...systemClock, now: () => nowMs };
    const places = { engine: far.images, contents: ports.store, environments, clock };
    const room = new EnvironmentQuota({ ...places, givenBytes: () => 60 * MIB });
    room.use(digest);
    expect(await room.make(40 * MIB)).toBeLessThan(40 * MIB);
    expect(await far.images.findEnvironment(digest)).toBeDefined();
    nowMs += EVICTION_GRACE_MS;
    expect(await room.make(70 * MIB), "more than there can be").toBeLessThan(40 * MIB);
    expect(await far.images.findEnvironment(digest)).toBeDefined();
    expect(await room.make(40 * MIB)).toBe(60 * MIB);
    expect(await far.images.findEnvironment(digest)).toBeUndefined();
    expect(ports.store.has(digest)).toBe(false);
    expect(environments.list().map(({ origin }) => origin)).toEqual(["built"]);
  });
});

describe("environments of a home", () => {
  it("are listed, shared, unshared and removed", async () => {
    await engine.import(rootOf(randomBytes(1000)), `p2p-render/test:own-${process.pid}`, never());
    const own = await build(`p2p-render/test:own-${process.pid}`, "/three");
    await engine.remove(`p2p-render/test:own-${process.pid}`);
    const listed = async () => (await listEnvironments(home)).find((each) => each.digest === own);
    expect(await listed()).toMatchObject({ name: `blender-3.4.1-${own.slice(0, 12)}`, origin: "built", isHere: true, isShared: false });
    await shareEnvironment(home, own.slice(0, 12), () => {}, never());
    const store = new EnvironmentStore(home.environments);
    const manifest = (await store.manifestOf(own)) as EnvironmentManifest;
    expect((await listed())?.sentBytes).toBe(contentsOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0));
    await unshareEnvironment(home, `sha256:${own}`);
    expect(contentsOf(manifest).some(({ hash }) => store.has(hash))).toBe(false);
    await expect(removeEnvironment(home, "3.4")).rejects.toMatchObject({ code: "ENVIRONMENT_MISSING" });
    await removeEnvironment(home, `blender-3.4.1-${own.slice(0, 12)}`);
    expect(await listed()).toBeUndefined();
    expect(await engine.findEnvironment(own)).toBeUndefined();
  });
});

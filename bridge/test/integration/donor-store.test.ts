import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OwnedDonorStore, startDonorStore } from "../../app/donate/donor-store.ts";
import { packBundle, type PackedBundle } from "../../content/bundle/pack.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { addressOf, never, TestNodes } from "../network/test-nodes.ts";
import type { SwarmNode } from "../../network/node/node.ts";
import { fetchFile } from "../../protocols/blocks/fetch-file.ts";
import { BLOCKS_LIMITS, BLOCKS_PROTOCOL } from "../../protocols/blocks/messages.ts";
import { serveBlocks } from "../../protocols/blocks/serve-blocks.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "donor-store-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function sceneOf(bytes: number, name = "s"): Promise<PackedBundle> {
  const path = join(folder, `${name}.blend`);
  await writeFile(path, randomBytes(bytes));
  return await packBundle([{ path, kind: "blend", missing: false }], {}, never());
}

interface Rates {
  upload?: number;
  download?: number;
}

/** A requester with this scene, and the store of a donor, over real sockets. */
async function connect(nodes: TestNodes, options: { capBytes: number; rates?: Rates; home?: string }, scene?: PackedBundle) {
  const [requester, donor] = [await nodes.open(), await nodes.open()];
  if (scene) {
    const answer = (stream: Parameters<typeof serveBlocks>[0], _: unknown, end: AbortSignal) =>
      serveBlocks(stream, scene.source, { mayHave: () => true }, end);
    await requester.handle(BLOCKS_PROTOCOL, answer, { maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer });
  }
  const home = join(folder, options.home ?? "donor");
  const { rates = {} } = options;
  const storeOptions = {
    blocks: join(home, "blocks"),
    scenes: join(home, "scenes"),
    capBytes: options.capBytes,
    upload: () => rates.upload,
    download: () => rates.download,
  };
  const store = await startDonorStore(donor, storeOptions, { world: systemWorld, log: silentLog });
  return { requester, donor, store, home };
}

function bring(store: OwnedDonorStore, requester: SwarmNode, { manifestHash, manifestBytes }: PackedBundle) {
  const sources = () => [{ id: requester.selfId, addrs: [addressOf(requester)] }];
  return store.fetchScene({ manifest: manifestHash, manifestBytes: manifestBytes.length, sources }, never(), () => {});
}

async function bytesIn(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(
    files.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  ); // disconnected meanwhile: fetches nothing
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1_000;
}

describe("the owner's bandwidth limits, over real sockets", () => {
  it("a scene is fetched at the download limit, and at full speed without one", async () => {
    await using nodes = new TestNodes();
    const scene = await sceneOf(3 * MIB);
    const rates: Rates = { download: MIB };
    const { requester, store } = await connect(nodes, { capBytes: 100 * MIB, rates }, scene);
    const capped = await secondsOf(() => bring(store, requester, scene));
    expect(capped).toBeGreaterThan(2.6);
    rates.download = undefined as never;
    const other = await sceneOf(3 * MIB, "other");
    const free = await connect(nodes, { capBytes: 100 * MIB, home: "free" }, other);
    expect(await secondsOf(() => bring(free.store, free.requester, other))).toBeLessThan(capped);
  });

  it("results are sent at the upload limit, two streams together, and faster as soon as the owner raises it", async () => {
    await using nodes = new TestNodes();
    const rates: Rates = { upload: MIB };
    const { requester, donor, store } = await connect(nodes, { capBytes: 100 * MIB, rates });
    const results = await Promise.all(
      ["a", "b", "c"].map(async (name) => {
        const path = join(folder, name);
        await writeFile(path, randomBytes(1.5 * MIB));
        return await store.keepResult(path, requester.selfId);
      }),
    );
    const fetch = ({ sha256: hash, bytes }: { sha256: string; bytes: number }) =>
      fetchFile(
        {
          world: systemWorld,
          hash,
          bytes,
          open: (end) => requester.open(addressOf(donor), BLOCKS_PROTOCOL, "bulk", end),
          toPath: join(folder, hash),
        },
        never(),
      );
    const [a, b, c] = results as [(typeof results)[0], (typeof results)[0], (typeof results)[0]];
    const capped = await secondsOf(() => Promise.all([fetch(a), fetch(b)]));
    expect(capped).toBeGreaterThan(2.6);
    rates.upload = 100 * MIB;
    expect(await secondsOf(() => fetch(c)), "half as much, as fast as it goes").toBeLessThan(capped / 2);
  });
});

describe("the owner's disk limit", () => {
  it("holds for scenes as blocks and as files, and results, at every moment", async () => {
    await using nodes = new TestNodes();
    const capBytes = 10 * MIB;
    const scenes = [await sceneOf(3 * MIB, "a"), await sceneOf(3 * MIB, "b"), await sceneOf(3 * MIB, "c")];
    const peak = { bytes: 0 };
    for (const [index, scene] of scenes.entries()) {
      const { requester, store, home } = await connect(nodes, { capBytes, home: "one" }, scene);
      const watching = setInterval(() => void bytesIn(home).then((bytes) => (peak.bytes = Math.max(peak.bytes, bytes))), 5);
      const { key, path } = await bring(store, requester, scene);
      expect((await readFile(path)).length).toBe(3 * MIB);
      const result = join(folder, `result-${index}`);
      await writeFile(result, randomBytes(2 * MIB));
      const { sha256 } = await store.keepResult(result, requester.selfId);
      peak.bytes = Math.max(peak.bytes, await bytesIn(home));
      clearInterval(watching);
      await store.dropResult(sha256, requester.selfId);
      await store.releaseScene(key, async () => {});
    }
    expect(peak.bytes).toBeGreaterThan(7 * MIB);
    expect(peak.bytes).toBeLessThanOrEqual(capBytes + 64 * KIB); // the manifest, and the list of results
  });

  it("refuses what does not fit beside what is in use, with a message", async () => {
    await using nodes = new TestNodes();
    const scene = await sceneOf(3 * MIB);
    const { requester, store } = await connect(nodes, { capBytes: 5 * MIB }, scene);
    await expect(bring(store, requester, scene)).rejects.toMatchObject({ code: "DISK_FULL" });
  });

  it("frees what is not in use at once when the owner lowers it", async () => {
    await using nodes = new TestNodes();
    const scene = await sceneOf(3 * MIB);
    const { requester, store, home } = await connect(nodes, { capBytes: 20 * MIB }, scene);
    const { key } = await bring(store, requester, scene);
    await store.releaseScene(key, async () => {});
    expect(await bytesIn(home)).toBeGreaterThan(3 * MIB);
    await store.resize(MIB);
    expect(await bytesIn(home)).toBeLessThan(MIB);
  });
});

describe("results", () => {
  it("are sent only to the requester they were rendered for", async () => {
    await using nodes = new TestNodes();
    const { requester, donor, store } = await connect(nodes, { capBytes: 20 * MIB });
    const stranger = await nodes.open();
    await writeFile(join(folder, "r"), "pixels");
    const { sha256: hash, bytes } = await store.keepResult(join(folder, "r"), requester.selfId);
    const fetchBy = (node: SwarmNode) =>
      fetchFile(
        {
          world: systemWorld,
          hash,
          bytes,
          open: (end) => node.open(addressOf(donor), BLOCKS_PROTOCOL, "bulk", end),
          toPath: join(folder, "got"),
        },
        never(),
      );
    await expect(fetchBy(stranger)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    await fetchBy(requester);
  });

  it("with equal pixels are one file, which stays until the last of them is dropped", async () => {
    await using nodes = new TestNodes();
    const { store, home } = await connect(nodes, { capBytes: 20 * MIB });
    const keep = async (name: string, peer: string) => {
      await writeFile(join(folder, name), "the same pixels");
      return (await store.keepResult(join(folder, name), peer)).sha256;
    };
    const hash = await keep("a", "anna");
    expect(await keep("b", "anna")).toBe(hash);
    expect(await keep("c", "ben")).toBe(hash);
    await store.dropResult(hash, "anna");
    await store.dropResult(hash, "ben");
    expect(store.usedBytes).toBe(15);
    await store.dropResult(hash, "anna");
    expect(await bytesIn(join(home, "blocks", "blocks"))).toBe(0);
  });

  it("of a donor that was killed are wiped when it starts again; scenes' blocks stay", async () => {
    await using nodes = new TestNodes();
    const scene = await sceneOf(MIB);
    const first = await connect(nodes, { capBytes: 20 * MIB }, scene);
    await bring(first.store, first.requester, scene);
    await writeFile(join(folder, "r"), "a stranger's picture");
    await first.store.keepResult(join(folder, "r"), "anna");
    await mkdir(join(first.home, "scenes", "half"), { recursive: true });
    const second = await connect(nodes, { capBytes: 20 * MIB });
    expect(second.store.usedBytes).toBeGreaterThanOrEqual(MIB);
    expect(await bytesIn(join(second.home, "scenes"))).toBe(0);
    const left = await readdir(join(second.home, "blocks", "blocks"), { recursive: true, withFileTypes: true });
    const texts = await Promise.all(left.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))));
    expect(texts.some((text) => text.includes("a stranger's picture"))).toBe(false);
  });
});

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BlockStore, openBlockStore } from "../../content/blocks/block-store.ts";
import { blocksOf, parseManifest } from "../../content/bundle/manifest.ts";
import { extractBundle } from "../../content/bundle/extract-bundle.ts";
import { packBundle } from "../../content/bundle/pack.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { sha256 } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { addressOf, TestNodes } from "../network/test-nodes.ts";
import type { SwarmNode } from "../../network/node/node.ts";
import { fetchBlocks } from "../../protocols/blocks/fetch-blocks.ts";
import { fetchFile } from "../../protocols/blocks/fetch-file.ts";
import { type BlockPeer, BLOCKS_LIMITS, BLOCKS_PROTOCOL } from "../../protocols/blocks/messages.ts";
import type { ServedBlocks } from "../../protocols/blocks/ports.ts";
import { serveBlocks, type ServePolicy } from "../../protocols/blocks/serve-blocks.ts";
import { SuperSeeding } from "../../protocols/blocks/super-seeding.ts";

const MIB = 1024 * 1024;
const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blocks-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function answerBlocks(node: SwarmNode, source: ServedBlocks, policyFor: (peer: string) => ServePolicy): Promise<void> {
  return node.handle(BLOCKS_PROTOCOL, (stream, peer, stop) => serveBlocks(stream, source, policyFor(peer.id), stop), {
    maxInboundStreamsPerPeer: BLOCKS_LIMITS.maxInboundStreamsPerPeer,
  });
}

function openFrom(node: SwarmNode) {
  return (peer: BlockPeer, stop: AbortSignal) => node.open(peer.addrs[0] ?? peer.id, BLOCKS_PROTOCOL, "bulk", stop);
}

interface Donor {
  readonly node: SwarmNode;
  readonly store: BlockStore;
}

describe("scenes over real connections", () => {
  async function packScene() {
    const project = join(folder, "project");
    await mkdir(join(project, "tex"), { recursive: true });
    const contents: Record<string, Buffer> = {
      "s.blend": randomBytes(17 * MIB),
      "tex/木 1.png": randomBytes(6 * MIB),
      "tex/b.png": randomBytes(3000),
    };
    for (const [name, content] of Object.entries(contents)) await writeFile(join(project, name), content);
    const files = Object.keys(contents).map((name) => ({
      path: join(project, name),
      kind: name.endsWith(".blend") ? "blend" : "image",
      missing: false,
    }));
    return { packed: await packBundle(files, {}, signal), contents };
  }

  it("[B8] four donors fetch a scene at about one upload of the requester, and hold the same files", async () => {
    await using nodes = new TestNodes();
    const { packed, contents } = await packScene();
    const requester = await nodes.open();
    let given = 0;
    const counted: ServedBlocks = {
      sizeOf: (hash) => packed.source.sizeOf(hash),
      read: async (hash, offset, length, stop) => {
        given += length;
        return await packed.source.read(hash, offset, length, stop);
      },
    };
    const seeding = new SuperSeeding({ addressesOf: (peer) => requester.addressesOf(peer) });
    await answerBlocks(requester, counted, (peer) => seeding.policyFor(peer, () => true));
    const donors: Donor[] = [];
    for (let index = 0; index < 4; index++) {
      const node = await nodes.open();
      const store = await openBlockStore(
        { directory: join(folder, `store${index}`), capBytes: 100 * MIB },
        { clock: systemClock, log: silentLog },
      );
      await answerBlocks(node, store, () => ({ mayHave: () => true }));
      await node.connect(addressOf(requester), signal);
      seeding.donorHere(node.selfId);
      donors.push({ node, store });
    }
    const from: BlockPeer = { id: requester.selfId, addrs: [addressOf(requester)] };
    await Promise.all(
      donors.map(async ({ node, store }, index) => {
        const toPath = join(folder, `manifest${index}`);
        await fetchFile(
          {
            world: systemWorld,
            hash: packed.manifestHash,
            bytes: packed.manifestBytes.length,
            open: (stop) => openFrom(node)(from, stop),
            toPath,
          },
          signal,
        );
        const manifest = parseManifest(await readFile(toPath));
        const wanted = blocksOf(manifest).map(({ sha256, bytes }) => ({ hash: sha256, bytes }));
        await fetchBlocks({ world: systemWorld, wanted, requester: from, sources: () => [], open: openFrom(node), store }, signal);
        const scene = await extractBundle({ manifest, store, directory: join(folder, `scene${index}`) }, signal);
        for (const [name, content] of Object.entries(contents))
          expect(Buffer.compare(await readFile(join(scene.directory, name)), content)).toBe(0);
      }),
    );
    const total = packed.manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    expect(given / total).toBeLessThanOrEqual(1.3);
  });

  it("[B12] a result file is fetched by ranges", async () => {
    await using nodes = new TestNodes();
    const [requester, donor] = [await nodes.open(), await nodes.open()];
    const store = await openBlockStore({ directory: join(folder, "store"), capBytes: 100 * MIB }, { clock: systemClock, log: silentLog });
    const content = randomBytes(21 * MIB + 3);
    await writeFile(join(folder, "result.exr"), content);
    const { hash, bytes } = await store.putFile(join(folder, "result.exr"), {}, signal);
    await answerBlocks(donor, store, () => ({ mayHave: () => true }));
    const open = (stop: AbortSignal) => requester.open(addressOf(donor), BLOCKS_PROTOCOL, "bulk", stop);
    await fetchFile({ world: systemWorld, hash, bytes, open, toPath: join(folder, "here.exr") }, signal);
    expect(Buffer.compare(await readFile(join(folder, "here.exr")), content)).toBe(0);
  });

  it("[F4] a result whose stream breaks, or whose donor is switched off, inside a block is the donor's fault, and can be fetched later", async () => {
    await using nodes = new TestNodes();
    const [requester, donor] = [await nodes.open(), await nodes.open()];
    const content = randomBytes(3 * MIB);
    const hash = sha256(content);
    let manner: "cuts" | "is switched off" | "gives" = "cuts";
    const read = async () => {
      if (manner === "cuts") throw new Error("something went wrong there");
      if (manner === "is switched off") void donor[Symbol.asyncDispose]();
      return content;
    };
    await answerBlocks(donor, { sizeOf: async () => content.length, read }, () => ({ mayHave: () => true }));
    const open = (stop: AbortSignal) => requester.open(addressOf(donor), BLOCKS_PROTOCOL, "bulk", stop);
    const fetch = () => fetchFile({ world: systemWorld, hash, bytes: content.length, open, toPath: join(folder, "here.exr") }, signal);
    await expect(fetch()).rejects.toMatchObject({ name: "FarmError", code: "PEER_UNREACHABLE" });
    manner = "gives";
    await fetch();
    expect(Buffer.compare(await readFile(join(folder, "here.exr")), content)).toBe(0);
    manner = "is switched off";
    await expect(fetch()).rejects.toMatchObject({ name: "FarmError", code: "PEER_UNREACHABLE" });
  });

  it("[B9] after a donor is switched off in the middle the others fetch its share", async () => {
    await using nodes = new TestNodes();
    const { packed } = await packScene();
    const [requester, first, second] = [await nodes.open(), await nodes.open(), await nodes.open()];
    const seeding = new SuperSeeding({ addressesOf: (peer) => requester.addressesOf(peer) });
    await answerBlocks(requester, packed.source, (peer) => seeding.policyFor(peer, () => true));
    const wanted = blocksOf(packed.manifest).map(({ sha256, bytes }) => ({ hash: sha256, bytes }));
    const from: BlockPeer = { id: requester.selfId, addrs: [addressOf(requester)] };
    const fetches = await Promise.all(
      [first, second].map(async (node, index) => {
        const store = await openBlockStore(
          { directory: join(folder, `store${index}`), capBytes: 100 * MIB },
          { clock: systemClock, log: silentLog },
        );
        await answerBlocks(node, store, () => ({ mayHave: () => true }));
        await node.connect(addressOf(requester), signal);
        seeding.donorHere(node.selfId);
        return { node, store };
      }),
    );
    const stop = new AbortController();
    const killed = fetchBlocks(
      { world: systemWorld, wanted, requester: from, sources: () => [], open: openFrom(first), store: fetches[0]!.store },
      stop.signal,
      ({ blocksDone }) => {
        if (blocksDone < 5 || stop.signal.aborted) return;
        stop.abort(new Error("switched off"));
        void first[Symbol.asyncDispose]();
      },
    );
    await expect(killed).rejects.toThrow("switched off");
    await fetchBlocks(
      { world: systemWorld, wanted, requester: from, sources: () => [], open: openFrom(second), store: fetches[1]!.store },
      signal,
    );
    for (const { hash } of wanted) expect(fetches[1]!.store.has(hash)).toBe(true);
  });
});

import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../kernel/ids.ts";
import {
  checkConfig,
  contentsOf,
  encodeEnvironment,
  type EnvironmentManifest,
  parseEnvironmentManifest,
  uncompressedLayerBytes,
} from "./environment-manifest.ts";
import { EnvironmentStore } from "./environment-store.ts";
import { cutLayer, layerFromBlocks } from "./layer-blocks.ts";

const MIB = 1024 * 1024;
const signal = new AbortController().signal;
let folder: string;
let store: EnvironmentStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "environments-"));
  store = new EnvironmentStore(join(folder, "store"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (hash: string, bytes: Uint8Array) => store.put(hash, bytes);
const get = (hash: string, bytes: number) => store.read(hash, 0, bytes, signal);

async function* inPieces(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** An image of these layers in the store, with a configuration that names them. */
async function imageOf(...layers: Uint8Array[]): Promise<EnvironmentManifest> {
  const cut = await Promise.all(layers.map((layer) => cutLayer(inPieces(layer, 65_536), put, signal)));
  const config = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: cut.map(({ diffId }) => `sha256:${diffId}`) } }));
  await store.put(sha256(config), config);
  return { version: 1, digest: sha256(config), configBytes: config.length, layers: cut };
}

describe("an image layer", () => {
  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a byte", Buffer.from("x")],
    ["what cannot be compressed", randomBytes(9 * MIB + 1)],
    ["what can", Buffer.alloc(9 * MIB, "the same again ")],
    ["exactly two blocks", randomBytes(8 * MIB)],
  ])("of %s is restored from its blocks", async (_, bytes) => {
    const layer = await cutLayer(inPieces(bytes, 100_003), put, signal);
    expect(layer).toMatchObject({ diffId: sha256(bytes), bytes: bytes.length });
    expect(Buffer.compare(await buffer(layerFromBlocks(layer, get)), bytes)).toBe(0);
  });

  it("is compressed only when that helps, and equal blocks are stored once", async () => {
    const layer = await cutLayer(inPieces(Buffer.concat([Buffer.alloc(8 * MIB, "a"), randomBytes(4 * MIB)]), MIB), put, signal);
    const [first, second, third] = layer.blocks;
    expect(first).toEqual(second);
    expect(first?.bytes).toBeLessThan(2_000);
    expect(third).toMatchObject({ bytes: 4 * MIB, rawBytes: 4 * MIB });
  });

  it("whose blocks unpack to another layer is refused, although they match their hashes", async () => {
    const layer = await cutLayer(inPieces(randomBytes(MIB), MIB), put, signal);
    const other = await cutLayer(inPieces(randomBytes(MIB), MIB), put, signal);
    await expect(buffer(layerFromBlocks({ ...layer, blocks: other.blocks }, get))).rejects.toMatchObject({ code: "ENVIRONMENT_INVALID" });
  });

  it.each([
    ["a bomb", zstdCompressSync(Buffer.alloc(64 * MIB)), 4096],
    ["a block that unpacks to less", zstdCompressSync(Buffer.alloc(1000)), 4096],
    ["a block that is no zstd", Buffer.from("no zstd"), 4096],
  ])("with %s is refused", async (_, stored, rawBytes) => {
    const block = { sha256: sha256(stored), bytes: stored.length, rawBytes };
    await store.put(block.sha256, stored);
    const layer = { diffId: sha256(stored), bytes: rawBytes, blocks: [block] };
    await expect(buffer(layerFromBlocks(layer, get))).rejects.toMatchObject({ code: "ENVIRONMENT_INVALID" });
  });
});

describe("a manifest", () => {
  it("is read back as it was written, and fits its configuration", async () => {
    const manifest = await imageOf(randomBytes(5 * MIB), Buffer.from("small"));
    expect(parseEnvironmentManifest(encodeEnvironment(manifest))).toEqual(manifest);
    expect(checkConfig(manifest, await get(manifest.digest, manifest.configBytes)).labels).toEqual({});
    expect(uncompressedLayerBytes(manifest)).toBe(5 * MIB + 5);
    expect(contentsOf(manifest)).toHaveLength(1 + 2 + 1);
    expect(contentsOf(manifest, new Set([manifest.layers[0]!.diffId]))).toHaveLength(2);
  });

  it.each<[string, (manifest: EnvironmentManifest) => unknown]>([
    ["another version", (manifest) => ({ ...manifest, version: 2 })],
    ["a digest that is none", (manifest) => ({ ...manifest, digest: "../../x" })],
    ["no layers", (manifest) => ({ ...manifest, layers: [] })],
    ["too many layers", (manifest) => ({ ...manifest, layers: Array.from({ length: 128 }, () => manifest.layers[0]) })],
    ["a layer that does not add up", (manifest) => ({ ...manifest, layers: [{ ...manifest.layers[0], bytes: 1 }] })],
    ["a huge configuration", (manifest) => ({ ...manifest, configBytes: 2 ** 30 })],
    ["a field too many", (manifest) => ({ ...manifest, tags: ["latest"] })],
    [
      "a block larger than blocks are",
      ({ layers: [layer], ...rest }) => ({ ...rest, layers: [{ ...layer, blocks: [{ ...layer?.blocks[0], rawBytes: 5 * MIB }] }] }),
    ],
    [
      "a block that grows when it is packed",
      ({ layers: [layer], ...rest }) => ({ ...rest, layers: [{ ...layer, blocks: [{ ...layer?.blocks[0], bytes: 2 * MIB }] }] }),
    ],
  ])("with %s is refused", async (_, change) => {
    const changed = change(await imageOf(randomBytes(MIB)));
    const bytes = Buffer.from(JSON.stringify(changed));
    expect(() => parseEnvironmentManifest(bytes)).toThrow(expect.objectContaining({ code: "ENVIRONMENT_INVALID" }));
  });

  it.each([
    ["not in its one form", (text: string) => `${text} `],
    ["not JSON", (text: string) => text.slice(1)],
    ["not UTF-8", () => Buffer.from([0xff, 0xfe])],
    ["far too long", () => Buffer.alloc(3 * MIB)],
  ])("that is %s is refused", async (_, change) => {
    const text = Buffer.from(encodeEnvironment(await imageOf(randomBytes(100)))).toString("utf8");
    expect(() => parseEnvironmentManifest(Buffer.from(change(text)))).toThrow(expect.objectContaining({ code: "ENVIRONMENT_INVALID" }));
  });

  it("with the configuration of another image is refused, and so are other layers than it names", async () => {
    const manifest = await imageOf(randomBytes(100));
    const other = await imageOf(randomBytes(100));
    const config = await get(manifest.digest, manifest.configBytes);
    expect(() => checkConfig({ ...other, layers: manifest.layers }, config)).toThrow("its configuration does not match");
    expect(() => checkConfig({ ...manifest, layers: other.layers }, config)).toThrow("its layers are not those of its configuration");
  });
});

describe("the store of environments", () => {
  const signature = { signer: "somebody", signature: "x" };

  it("is shared by processes: what one stores, another sees at once", async () => {
    const manifest = await imageOf(randomBytes(MIB));
    await store.keep(manifest, [signature]);
    const other = new EnvironmentStore(join(folder, "store"));
    expect(await other.manifestOf(manifest.digest)).toEqual(manifest);
    expect(await other.signaturesOf(manifest.digest)).toEqual([signature]);
    expect(contentsOf(manifest).every(({ hash }) => other.has(hash))).toBe(true);
    expect(await other.sizeOf(sha256(encodeEnvironment(manifest)))).toBe(encodeEnvironment(manifest).length);
  });

  it("keeps, when an environment is removed, the blocks of the others", async () => {
    const shared = randomBytes(MIB);
    const one = await imageOf(shared, randomBytes(100));
    const two = await imageOf(shared, randomBytes(200));
    await store.keep(one, []);
    await store.keep(two, []);
    await store.remove(one.digest);
    expect(await store.manifestOf(one.digest)).toBeUndefined();
    expect(contentsOf(two).every(({ hash }) => store.has(hash))).toBe(true);
    expect(contentsOf(one).filter(({ hash }) => store.has(hash))).toHaveLength(1);
    await store.remove(two.digest);
    expect((await readdir(join(folder, "store"), { recursive: true })).filter((name) => name.length > 40)).toEqual([]);
  });

  it("refuses bytes that do not match the hash, and forgets blocks corrupted on the disk", async () => {
    await expect(store.put(sha256(Buffer.from("a")), Buffer.from("b"))).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    const bytes = randomBytes(1000);
    await store.put(sha256(bytes), bytes);
    await writeFile(join(folder, "store", "blocks", sha256(bytes).slice(0, 2), sha256(bytes)), randomBytes(1000));
    await expect(store.read(sha256(bytes), 0, 1000, signal)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    expect(store.has(sha256(bytes))).toBe(false);
  });

  it("removes old files of interrupted transfers, and nothing else", async () => {
    const manifest = await imageOf(randomBytes(100));
    await store.keep(manifest, []);
    const left = randomBytes(100);
    await store.put(sha256(left), left);
    await store.sweep(Date.now());
    expect(store.has(sha256(left))).toBe(true);
    await store.sweep(Date.now() + 8 * 24 * 3_600_000);
    expect(store.has(sha256(left))).toBe(false);
    expect(contentsOf(manifest).every(({ hash }) => store.has(hash))).toBe(true);
    expect(await store.manifestOf(manifest.digest)).toEqual(manifest);
  });

  it("finds nothing under a name that is no hash", async () => {
    expect(store.has("../../etc/passwd")).toBe(false);
    expect(await store.sizeOf("0".repeat(64))).toBeUndefined();
  });
});

import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync, zstdCompressSync } from "node:zlib";
import tar from "tar-stream";
import { describe, expect, it } from "vitest";
import { readSavedImage, writeImage } from "./image-archive.ts";

const signal = new AbortController().signal;
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const LARGE = randomBytes(3 * 1024 * 1024 + 17);
const SMALL = randomBytes(2_000);
const CONFIG = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: [LARGE, SMALL].map((layer) => `sha256:${sha(layer)}`) } }));

const collect = async (layer: AsyncIterable<Uint8Array>) => await buffer(layer);

/** An archive of files, and of links where the content is a string. */
function archive(files: Readonly<Record<string, Buffer | { readonly to: string }>>): Readable {
  const pack = tar.pack();
  for (const [name, content] of Object.entries(files)) {
    if (Buffer.isBuffer(content)) pack.entry({ name }, content);
    else pack.entry({ name, type: "symlink", linkname: content.to });
  }
  pack.finalize();
  return pack.pipe(new PassThrough());
}

const manifest = (config: string, layers: readonly string[]) =>
  Buffer.from(JSON.stringify([{ Config: config, RepoTags: null, Layers: layers }]));

describe("a saved image", () => {
  it("is read in the docker-archive layout, following links", async () => {
    const saved = archive({
      "a/layer.tar": LARGE,
      "b/layer.tar": { to: "../c/layer.tar" },
      "c/layer.tar": SMALL,
      "a/json": Buffer.from("{}"),
      "cfg.json": CONFIG,
      "manifest.json": manifest("cfg.json", ["a/layer.tar", "b/layer.tar"]),
    });
    const { config, layers } = await readSavedImage(saved, collect, signal);
    expect(Buffer.compare(config, CONFIG)).toBe(0);
    expect(layers.map(sha)).toEqual([sha(LARGE), sha(SMALL)]);
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("is read in the OCI layout, with layers compressed by %s", async (_, compress) => {
    const saved = archive({
      "oci-layout": Buffer.from("{}"),
      "manifest.json": manifest("blobs/sha256/cfg", ["blobs/sha256/one", "blobs/sha256/two"]),
      "blobs/sha256/cfg": CONFIG,
      "blobs/sha256/one": compress(LARGE),
      "blobs/sha256/two": compress(SMALL),
    });
    const { layers } = await readSavedImage(saved, collect, signal);
    expect(layers.map(sha)).toEqual([sha(LARGE), sha(SMALL)]);
  });

  it("is written as it was read, without the layers that an engine has", async () => {
    const layer = (bytes: Buffer) => ({ diffId: sha(bytes), bytes: bytes.length, tar: () => Readable.from([bytes]) });
    const image = { digest: sha(CONFIG), config: CONFIG, tag: "p2p-render/environment:x" };
    const whole = await readSavedImage(writeImage({ ...image, layers: [layer(LARGE), layer(SMALL)] }), collect, signal);
    expect(whole.layers.map(sha)).toEqual([sha(LARGE), sha(SMALL)]);
    const less = await buffer(writeImage({ ...image, layers: [{ diffId: sha(LARGE), bytes: LARGE.length }, layer(SMALL)] }));
    expect(less.length).toBeLessThan(20_000);
    expect(less.includes(sha(LARGE))).toBe(true);
  });

  it("fails when a layer fails", async () => {
    async function* broken() {
      yield LARGE;
      throw new Error("the layer cannot be read");
    }
    const written = writeImage({
      digest: sha(CONFIG),
      config: CONFIG,
      tag: "x:y",
      layers: [{ diffId: sha(LARGE), bytes: LARGE.length, tar: broken }],
    });
    await expect(buffer(written)).rejects.toThrow("the layer cannot be read");
  });

  it.each([
    ["no manifest", { "cfg.json": CONFIG }],
    ["no configuration", { "manifest.json": manifest("cfg.json", []) }],
    ["a missing layer", { "cfg.json": CONFIG, "manifest.json": manifest("cfg.json", ["a/layer.tar"]) }],
  ])("with %s is refused", async (_, files) => {
    await expect(readSavedImage(archive(files), collect, signal)).rejects.toMatchObject({ code: "ENVIRONMENT_INVALID" });
  });
});

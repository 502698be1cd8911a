import { once } from "node:events";
import { type PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { posix } from "node:path";
import tar from "tar-stream";
import { FarmError } from "../../kernel/errors.ts";
import { TAR_BLOCK, tarEntry } from "../docker/tar-entry.ts";

/** Smaller files of an archive are buffered until their kind is known; larger layers are streamed. */
const SMALL_BYTES = 1024 * 1024;

/** An image from `docker save`: its configuration, and the results of `onLayer` for each layer, bottom first. */
export interface SavedImage<T> {
  readonly config: Uint8Array;
  readonly layers: readonly T[];
}

interface Passed<T> {
  readonly links: Map<string, string>;
  readonly small: Map<string, Buffer>;
  readonly large: Map<string, T>;
}

/**
 * Reads a saved image in one pass, in the layout of any engine (docker-archive, or OCI with a docker manifest). Layers
 * are passed on as plain tars, also if they are compressed in the archive. Throws ENVIRONMENT_INVALID.
 */
export async function readSavedImage<T>(
  archive: NodeJS.ReadableStream,
  onLayer: (tar: AsyncIterable<Uint8Array>) => Promise<T>,
  signal: AbortSignal,
): Promise<SavedImage<T>> {
  const passed: Passed<T> = { links: new Map(), small: new Map(), large: new Map() };
  const extract = tar.extract();
  extract.on("entry", (header, stream, next) => {
    void (async () => {
      try {
        await takeEntry(header, stream, passed, onLayer);
        next();
      } catch (error) {
        extract.destroy(error as Error);
      }
    })();
  });
  await pipeline(archive, extract, { signal });
  const file = (name: string): string => {
    const target = passed.links.get(name);
    return target === undefined ? name : file(target);
  };
  const manifest = manifestOf(passed.small.get(file("manifest.json")));
  const config = passed.small.get(file(manifest.Config));
  if (config === undefined) throw broken("its configuration is missing");
  const layers: T[] = [];
  for (const name of manifest.Layers.map(file)) {
    const large = passed.large.get(name);
    const small = passed.small.get(name);
    if (large !== undefined) layers.push(large);
    else if (small !== undefined) layers.push(await onLayer(unpacked(Readable.from([small]))));
    else throw broken("a layer is missing");
  }
  return { config, layers };
}

/** A layer for `writeImage`; without `tar` the engine has it already. */
export interface LayerToLoad {
  readonly diffId: string;
  readonly bytes: number;
  readonly tar?: () => AsyncIterable<Uint8Array>;
}

/** The minimal archive for `docker load`. An error of a layer destroys the stream with it. */
export function writeImage(image: {
  readonly digest: string;
  readonly config: Uint8Array;
  readonly layers: readonly LayerToLoad[];
  readonly tag: string;
}): Readable {
  const { digest, config, layers, tag } = image;
  const brought = new Map(layers.flatMap(({ diffId, bytes, tar: open }) => (open ? [[diffId, { bytes, open }] as const] : [])));
  const manifest = [{ Config: `${digest}.json`, RepoTags: [tag], Layers: layers.map(({ diffId }) => `${diffId}.tar`) }];
  const files = async function* () {
    yield* tarEntry(`${digest}.json`, config.length, [config]);
    for (const [diffId, { bytes, open }] of brought) yield* tarEntry(`${diffId}.tar`, bytes, open());
    const text = Buffer.from(JSON.stringify(manifest));
    yield* tarEntry("manifest.json", text.length, [text]);
    yield Buffer.alloc(2 * TAR_BLOCK);
  };
  return Readable.from(files(), { objectMode: false });
}

async function takeEntry<T>(
  { name, type, linkname, size }: tar.Headers,
  stream: PassThrough,
  passed: Passed<T>,
  onLayer: (tar: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<void> {
  if (type === "symlink" && linkname) passed.links.set(name, posix.join(posix.dirname(name), linkname));
  if (type !== "file") {
    stream.resume();
    await once(stream, "end");
  } else if ((size ?? 0) <= SMALL_BYTES) {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    passed.small.set(name, Buffer.concat(parts));
  } else passed.large.set(name, await onLayer(unpacked(stream)));
}

/** Engines with a containerd store save layers as received from a registry: gzip or zstd. */
async function* unpacked(source: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  const input = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await input.next();
  if (first.done) return;
  const rest = async function* () {
    yield first.value;
    for (let next = await input.next(); !next.done; next = await input.next()) yield next.value;
  };
  const magic = first.value.subarray(0, 4).toString("hex");
  const decoder = magic.startsWith("1f8b") ? createGunzip() : magic === "28b52ffd" ? createZstdDecompress() : undefined;
  if (decoder === undefined) return yield* rest();
  const fed = pipeline(rest, decoder);
  fed.catch(() => {}); // the reader below gets the same error
  yield* decoder as AsyncIterable<Uint8Array>;
  await fed;
}

function manifestOf(bytes: Buffer | undefined): { Config: string; Layers: string[] } {
  const value: unknown = bytes === undefined ? undefined : JSON.parse(bytes.toString("utf8"));
  const [image] = Array.isArray(value) ? (value as { Config?: unknown; Layers?: unknown }[]) : [];
  if (typeof image?.Config !== "string" || !Array.isArray(image.Layers)) throw broken("it has no manifest");
  return { Config: image.Config, Layers: image.Layers.map(String) };
}

function broken(why: string): FarmError {
  return new FarmError("ENVIRONMENT_INVALID", `the engine's archive of an image cannot be read: ${why}`);
}

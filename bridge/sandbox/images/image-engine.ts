import { createInterface } from "node:readline";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import { type EnvironmentDigest, environmentTag } from "../../core/environments/facts.ts";
import { childSignal } from "../../kernel/abort.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import { systemWorld } from "../../kernel/world.ts";
import { USER_LIMITS } from "../docker/container-config.ts";
import { dockerAbsence } from "../docker/docker-probe.ts";
import { type LayerToLoad, readSavedImage, type SavedImage, writeImage } from "./image-archive.ts";
import { TAR_BLOCK, tarEntry } from "../docker/tar-entry.ts";

/** An image of an engine. */
export interface EngineImage {
  /** Its id in this engine, used for starting containers, never a tag. */
  readonly id: string;
  /** Bare hexadecimal, bottom layer first. */
  readonly layers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly bytes: number;
}

export interface BuildRequest {
  /** A folder of Containerfiles, and which one; or the text of one that needs no files. */
  readonly from: { readonly folder: string; readonly file: string } | { readonly text: string };
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const PROBE = { seconds: 120, memoryBytes: 4 * 2 ** 30, pids: 256 } as const;
const PULL_MS = 600_000;

/** The images of a container engine: built, listed, saved, loaded, removed. */
export class ImageEngine {
  readonly #docker: Docker;
  /** Images are stored by containerd: ids are no configuration digests there, and a load must contain every layer. */
  readonly #isContainerd: boolean;

  private constructor(docker: Docker, isContainerd: boolean) {
    this.#docker = docker;
    this.#isContainerd = isContainerd;
  }

  /** The engine at the default socket (or DOCKER_HOST), or at a given one. Throws SANDBOX_UNAVAILABLE. */
  static async open(socketPath?: string): Promise<ImageEngine> {
    const docker = new Docker(socketPath === undefined ? {} : { socketPath });
    try {
      const info = (await docker.info()) as { readonly DriverStatus?: readonly (readonly string[])[] };
      const isContainerd = (info.DriverStatus ?? []).some(([name, value]) => name === "driver-type" && value?.startsWith("io.containerd"));
      return new ImageEngine(docker, isContainerd);
    } catch (cause) {
      const { reason } = dockerAbsence(cause as NodeJS.ErrnoException);
      throw new FarmError("SANDBOX_UNAVAILABLE", `no container engine answers: ${reason}`, { cause });
    }
  }

  async find(reference: string): Promise<EngineImage | undefined> {
    try {
      const found = await this.#docker.getImage(reference).inspect();
      const layers = (found.RootFS.Layers ?? []).map((id) => id.replace(/^sha256:/, ""));
      return { id: found.Id, layers, labels: found.Config.Labels ?? {}, bytes: found.Size };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** The environment of this digest, if the engine has it. */
  async findEnvironment(digest: EnvironmentDigest): Promise<EngineImage | undefined> {
    return await this.find(this.#isContainerd ? environmentTag(digest) : `sha256:${digest}`);
  }

  /** Tags an environment with its readable name. */
  async name({ id }: EngineImage, digest: EnvironmentDigest): Promise<void> {
    const [repo = "", tag = ""] = environmentTag(digest).split(":");
    await this.#docker.getImage(id).tag({ repo, tag });
  }

  /** Tagged images with a label, newest first: leftovers of failed builds have the labels of their base, but no tag. */
  async list(label: string): Promise<readonly EngineImage[]> {
    const listed = await this.#docker.listImages({ filters: { label: [label], dangling: ["false"] } });
    const newestFirst = listed.toSorted((a, b) => b.Created - a.Created);
    const found = await Promise.all(newestFirst.map(({ Id }) => this.find(Id)));
    return found.filter((image) => image !== undefined);
  }

  /** The digest of the image's configuration: the same on every engine. */
  async digestOf(image: EngineImage, signal: AbortSignal): Promise<string> {
    const known = this.knownDigestOf(image);
    if (known !== undefined) return known;
    const { config } = await this.save(image.id, drain, signal);
    return sha256(config);
  }

  /** The same, if the engine reports it without reading the whole image. */
  knownDigestOf({ id }: EngineImage): EnvironmentDigest | undefined {
    return this.#isContainerd ? undefined : id.replace(/^sha256:/, "");
  }

  /** Fetches an image from its registry. Throws BASE_IMAGE_MISSING. */
  async pull(reference: string, onLine: (line: string) => void, parent: AbortSignal): Promise<void> {
    using limit = childSignal(parent, { ms: PULL_MS, time: systemWorld });
    try {
      const answer = await this.#docker.pull(reference, { abortSignal: limit.signal });
      await readProgress(answer, onLine, parent);
    } catch (cause) {
      parent.throwIfAborted();
      throw new FarmError("BASE_IMAGE_MISSING", `the image ${reference} cannot be fetched: ${messageOf(cause)}`, { cause });
    }
  }

  /** Makes an image of one layer out of the tar of a root folder. */
  async import(rootTar: Readable, tag: string, signal: AbortSignal): Promise<void> {
    const [repo, name = "latest"] = tag.split(":");
    const docker = this.#docker as unknown as { importImage(tar: Readable, options: object): Promise<NodeJS.ReadableStream> };
    await readProgress(await docker.importImage(rootTar, { repo, tag: name, abortSignal: signal }), () => {}, signal);
  }

  /** Builds an image and returns its id. Throws ENVIRONMENT_BUILD_FAILED. */
  async build(request: BuildRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const { from, args, labels } = request;
    const context =
      "text" in from
        ? Readable.from(oneFile("Containerfile", from.text), { objectMode: false })
        : { context: from.folder, src: [from.file] };
    const dockerfile = "text" in from ? "Containerfile" : from.file;
    // forcerm: also removes the container of an interrupted step.
    const options = { dockerfile, buildargs: args, labels, rm: true, forcerm: true, abortSignal: signal };
    try {
      const answer = await this.#docker.buildImage(context, options);
      const id = await readProgress(answer, onLine, signal);
      if (id === undefined) throw new Error("the builder returned no image");
      return id;
    } catch (cause) {
      signal.throwIfAborted();
      throw new FarmError("ENVIRONMENT_BUILD_FAILED", `the image could not be built: ${messageOf(cause).slice(0, 500)}`, { cause });
    }
  }

  /** Runs a command in an image without network, and returns its output. Throws ENVIRONMENT_BUILD_FAILED. */
  async ask(id: string, command: readonly string[], parent: AbortSignal): Promise<string> {
    using limit = childSignal(parent, { ms: PROBE.seconds * 1000, time: systemWorld });
    const container = await this.#docker.createContainer(probeOptions(id, command));
    try {
      const stream = await container.attach({ stream: true, stdout: true, stderr: true });
      const [out, err] = [new PassThrough(), new PassThrough()];
      this.#docker.modem.demuxStream(stream, out, err);
      err.resume();
      const written = text(out);
      const ended = container.wait({ condition: "next-exit", abortSignal: limit.signal });
      await container.start();
      const { StatusCode } = (await ended) as { readonly StatusCode: number };
      out.end();
      if (StatusCode !== 0) throw new FarmError("ENVIRONMENT_BUILD_FAILED", `the image's Blender ended with ${StatusCode}`);
      return await written;
    } catch (cause) {
      parent.throwIfAborted();
      throw limit.signal.aborted
        ? new FarmError("ENVIRONMENT_BUILD_FAILED", "the image's Blender did not answer in time", { cause })
        : cause;
    } finally {
      await container.remove({ force: true, v: true }).catch(() => {});
    }
  }

  /** Reads an image out of the engine; `onLayer` gets every layer's tar. */
  async save<T>(id: string, onLayer: (layer: AsyncIterable<Uint8Array>) => Promise<T>, signal: AbortSignal): Promise<SavedImage<T>> {
    signal.throwIfAborted();
    return await readSavedImage(await this.#docker.getImage(id).get(), onLayer, signal);
  }

  /** Which of these layers the engine already has, in an image at the same position. */
  async layersHere(diffIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (this.#isContainerd) return new Set();
    const listed = await this.#docker.listImages({ all: true });
    const images = await Promise.all(listed.map(({ Id }) => this.find(Id)));
    // An engine identifies a layer by itself and all layers below it.
    const shared = images.map((image) => sharedStart(diffIds, image?.layers ?? []));
    return new Set(diffIds.slice(0, Math.max(0, ...shared)));
  }

  /**
   * Loads an environment and returns it once its digest is verified.
   * Throws ENVIRONMENT_INVALID; a wrong image is removed from the engine.
   */
  async load(
    image: { readonly digest: EnvironmentDigest; readonly config: Uint8Array; readonly layers: readonly LayerToLoad[] },
    signal: AbortSignal,
  ): Promise<EngineImage> {
    const tag = environmentTag(image.digest);
    await this.#send(writeImage({ ...image, tag }), signal);
    const loaded = await this.find(tag);
    const isMeant = loaded?.layers.join() === image.layers.map(({ diffId }) => diffId).join();
    if (loaded && isMeant && (await this.digestOf(loaded, signal)) === image.digest) return loaded;
    await this.remove(tag);
    throw new FarmError("ENVIRONMENT_INVALID", "the engine loaded another image than the expected one");
  }

  /** Loads an archive into the engine. Throws the archive's error, or ENVIRONMENT_INVALID if the engine refuses it. */
  async #send(archive: Readable, parent: AbortSignal): Promise<void> {
    // An archive that fails must end the request: the engine would wait for the rest.
    using child = childSignal(parent);
    archive.once("error", (error) => child.abort(error));
    try {
      const answer = await this.#docker.loadImage(archive, { quiet: true, abortSignal: child.signal } as object);
      await readProgress(answer, () => {}, child.signal);
    } catch (cause) {
      child.signal.throwIfAborted();
      throw new FarmError("ENVIRONMENT_INVALID", `the engine refused the image: ${messageOf(cause).slice(0, 300)}`, { cause });
    } finally {
      archive.destroy();
    }
  }

  /** Removes an image or a tag; a missing one is no error. Throws the engine's error when it is in use. */
  async remove(reference: string): Promise<void> {
    try {
      await this.#docker.getImage(reference).remove();
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
  }
}

/** The id at the end of an engine's answer, if there is one. Throws an error reported inside the answer. */
async function readProgress(
  answer: NodeJS.ReadableStream,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  let id: string | undefined;
  for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
    signal.throwIfAborted();
    if (line.trim() === "") continue;
    const message = JSON.parse(line) as {
      readonly stream?: string;
      readonly status?: string;
      readonly error?: string;
      readonly aux?: { readonly ID?: string };
    };
    if (message.error !== undefined) throw new Error(message.error);
    id = message.aux?.ID ?? id;
    for (const told of (message.stream ?? message.status ?? "").split(/[\r\n]+/)) if (told.trim() !== "") onLine(told.trimEnd());
  }
  signal.throwIfAborted();
  return id;
}

function probeOptions(id: string, command: readonly string[]): Docker.ContainerCreateOptions {
  return {
    Image: id,
    User: "10001:10001",
    Entrypoint: [...command],
    Cmd: [],
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      Tmpfs: { "/tmp": "rw,nosuid,nodev,noexec,size=256m,mode=1777" },
      Memory: PROBE.memoryBytes,
      MemorySwap: PROBE.memoryBytes,
      PidsLimit: PROBE.pids,
      Ulimits: [...USER_LIMITS],
      LogConfig: { Type: "none", Config: {} },
    },
  };
}

async function drain(layer: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of layer);
}

async function* oneFile(name: string, content: string): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = Buffer.from(content);
  yield* tarEntry(name, bytes.length, [bytes]);
  yield Buffer.alloc(2 * TAR_BLOCK);
}

function sharedStart(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((id, index) => id !== b[index]);
  return differs < 0 ? a.length : differs;
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly statusCode?: number }).statusCode;
}

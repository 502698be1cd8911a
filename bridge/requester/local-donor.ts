import { rename } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Chunk, ChunkId, DeviceClass, ResultFile } from "../core/chunk.ts";
import { childSignal } from "../kernel/abort.ts";
import { Channel } from "../kernel/channel.ts";
import { FarmError, isFarmError, messageOf } from "../kernel/errors.ts";
import type { DonorLink, DonorNews } from "./donor-link.ts";
import type { HashFile, LocalRendered, LocalSlots } from "./ports.ts";

export interface LocalDonorDeps {
  readonly slots: LocalSlots;
  readonly hashFile: HashFile;
}

export interface LocalDonorOptions {
  readonly name: string;
  readonly scene: { readonly key: string; readonly path: string; readonly remap: Readonly<Record<string, string>> };
  readonly deviceClass: DeviceClass;
  /** Where rendered files wait until the job takes them; on the same filesystem as the scratch folders. */
  readonly directory: string;
}

/** This machine as a donor of its own job: the same warm sessions, without a network between. */
export class LocalDonor implements DonorLink {
  readonly id = "local";
  readonly name: string;
  readonly trusted = true;
  readonly slots: number;
  readonly deviceClass: DeviceClass;
  readonly knownSpeed = undefined;
  readonly news = new Channel<DonorNews>();
  readonly #deps: LocalDonorDeps;
  readonly #options: LocalDonorOptions;
  readonly #running = new Map<ChunkId, { abort(reason: Error): void; dispose(): void }>();
  readonly #held = new Map<string, string>();
  readonly #work = new Set<Promise<void>>();
  #count = 0;

  constructor(deps: LocalDonorDeps, options: LocalDonorOptions) {
    this.#deps = deps;
    this.#options = options;
    this.name = options.name;
    this.slots = deps.slots.size;
    this.deviceClass = options.deviceClass;
  }

  lease(chunk: Chunk): void {
    const child = childSignal();
    this.#running.set(chunk.id, child);
    const work = this.#render(chunk, child.signal).finally(() => {
      if (this.#running.get(chunk.id) === child) this.#running.delete(chunk.id);
      child.dispose();
      this.#work.delete(work);
    });
    this.#work.add(work);
  }

  withdraw(chunk: ChunkId): void {
    this.#running.get(chunk)?.abort(new FarmError("CANCELLED", "the lease was withdrawn"));
  }

  async fetch(chunk: ChunkId, file: ResultFile, toPath: string): Promise<void> {
    const held = this.#held.get(heldKey(chunk, file.name));
    if (held === undefined) throw new FarmError("BLOCK_MISSING", `the result of chunk ${chunk} is no longer here`);
    await rename(held, toPath);
    this.#held.delete(heldKey(chunk, file.name));
  }

  release(): void {
    // files that were not fetched go with the job's folder
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) running.abort(new FarmError("CANCELLED", "the job has ended"));
    await Promise.allSettled(this.#work);
    this.news.close();
  }

  async #render(chunk: Chunk, signal: AbortSignal): Promise<void> {
    try {
      const started = () => this.news.push({ type: "started", chunk: chunk.id });
      const rendered = await this.#deps.slots.run(this.#options.scene, chunk.spec, { take: (files) => this.#take(files), started }, signal);
      const files: ResultFile[] = [];
      for (const { role, path, name } of rendered.taken) {
        files.push({ role, name, ...(await this.#deps.hashFile(path)) });
        this.#held.set(heldKey(chunk.id, name), path);
      }
      this.news.push({ type: "rendered", chunk: chunk.id, files, seconds: rendered.seconds });
    } catch (error) {
      const code = signal.aborted ? "CANCELLED" : isFarmError(error) ? error.code : "BLENDER_SCRIPT_FAILED";
      this.news.push({ type: "failed", chunk: chunk.id, code, message: messageOf(error), kind: "task" });
    }
  }

  /** Moves the files out of the slot's scratch, so that the slot is free for the next chunk. */
  async #take(rendered: LocalRendered): Promise<{ taken: { role: ResultFile["role"]; path: string; name: string }[]; seconds: number }> {
    const sources: { role: ResultFile["role"]; from: string }[] = [
      ...(rendered.floats === undefined ? [] : [{ role: "floats" as const, from: rendered.floats }]),
      ...rendered.outputs.map((from) => ({ role: "output" as const, from })),
      ...(rendered.preview === undefined ? [] : [{ role: "preview" as const, from: rendered.preview }]),
    ];
    const taken: { role: ResultFile["role"]; path: string; name: string }[] = [];
    for (const { role, from } of sources) {
      const path = join(this.#options.directory, `${this.#count++}`);
      await rename(from, path);
      taken.push({ role, path, name: basename(from) });
    }
    return { taken, seconds: rendered.renderSeconds };
  }
}

function heldKey(chunk: ChunkId, name: string): string {
  return `${chunk}\n${name}`;
}

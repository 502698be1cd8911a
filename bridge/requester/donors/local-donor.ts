import { basename, join } from "node:path";
import { type Chunk, type ChunkId, type DeviceClass, type ResultFile, lastSamplesIn } from "../../core/plan/chunk.ts";
import { type LinkedAbort, childSignal } from "../../kernel/abort.ts";
import { AsyncQueue } from "../../kernel/channel.ts";
import type { Disk } from "../../kernel/disk.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import type { DonorLink, DonorUpdate } from "./donor-link.ts";
import type { HashFile, LocalRendered, LocalSlots } from "../ports.ts";

export interface LocalDonorDeps {
  readonly disk: Pick<Disk, "rename" | "rm">;
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

/** A rendered file, moved out of its slot. */
interface Taken {
  readonly role: ResultFile["role"];
  readonly path: string;
  readonly name: string;
  readonly lastSamples?: readonly number[];
}

type Rendered = Taken & ResultFile;

/** This machine as a donor of its own job: the same warm sessions, without a network between. */
export class LocalDonor implements DonorLink {
  readonly id = "local";
  readonly name: string;
  readonly trusted = true;
  readonly slots: number;
  readonly deviceClass: DeviceClass;
  readonly benchmarkSpeed = undefined;
  readonly updates = new AsyncQueue<DonorUpdate>();
  readonly #deps: LocalDonorDeps;
  readonly #options: LocalDonorOptions;
  readonly #running = new Map<ChunkId, LinkedAbort>();
  readonly #held = new Map<string, string>();
  readonly #work = new TrackedTasks();
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
    this.#do(this.#tell(chunk, child).finally(() => child.dispose()));
  }

  /** `close` joins it; what goes wrong has been told, or is of no use to anybody. */
  #do(work: Promise<void>): void {
    void this.#work.add(work.catch(() => {}));
  }

  /** From here on the chunk may be leased anew, and nothing that comes of the old lease counts. */
  withdraw(chunk: ChunkId): void {
    const running = this.#running.get(chunk);
    this.#running.delete(chunk);
    running?.abort(new FarmError("CANCELLED", "the lease was withdrawn"));
    this.release(chunk);
  }

  async fetch(chunk: ChunkId, file: ResultFile, toPath: string): Promise<void> {
    const held = this.#held.get(heldKey(chunk, file.name));
    if (held === undefined) throw new FarmError("BLOCK_MISSING", `the result of chunk ${chunk} is no longer here`);
    await this.#deps.disk.rename(held, toPath);
    this.#held.delete(heldKey(chunk, file.name));
  }

  /** What was not fetched goes. */
  release(chunk: ChunkId): void {
    const left = [...this.#held].filter(([key]) => key.startsWith(heldKey(chunk, "")));
    for (const [key] of left) this.#held.delete(key);
    this.#do(Promise.all(left.map(([, path]) => this.#deps.disk.rm(path, { force: true }))).then(() => {}));
  }

  /** Nothing that comes of a lease counts any more. */
  async close(): Promise<void> {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const lease of running) lease.abort(new FarmError("CANCELLED", "the job has ended"));
    await this.#work.settle();
    this.updates.close();
  }

  /** Renders a leased chunk and tells how it ended, unless the lease was taken back meanwhile. */
  async #tell(chunk: Chunk, child: LinkedAbort): Promise<void> {
    const isHeld = () => this.#running.get(chunk.id) === child;
    try {
      const { rendered, seconds } = await this.#render(chunk, child.signal);
      if (!isHeld()) return await this.#removeAll(rendered);
      for (const { path, name } of rendered) this.#held.set(heldKey(chunk.id, name), path);
      this.#running.delete(chunk.id);
      const files = rendered.map(({ role, name, sha256, bytes }): ResultFile => ({ role, name, sha256, bytes }));
      this.updates.push({ type: "rendered", chunk: chunk.id, files, seconds });
    } catch (error) {
      if (!isHeld()) return;
      this.#running.delete(chunk.id);
      const code = isFarmError(error) ? error.code : "BLENDER_SCRIPT_FAILED";
      this.updates.push({ type: "failed", chunk: chunk.id, code, message: messageOf(error), kind: "task" });
    }
  }

  async #removeAll(files: readonly Taken[]): Promise<void> {
    for (const { path } of files) await this.#deps.disk.rm(path, { force: true });
  }

  async #render(chunk: Chunk, signal: AbortSignal): Promise<{ readonly rendered: readonly Rendered[]; readonly seconds: number }> {
    const started = () => this.updates.push({ type: "started", chunk: chunk.id });
    const use = { take: (files: LocalRendered) => this.#take(files), started };
    const { taken, seconds } = await this.#deps.slots.run(this.#options.scene, chunk.spec, use, signal);
    const rendered: Rendered[] = [];
    for (const file of taken) rendered.push({ ...file, ...(await this.#deps.hashFile(file.path)) });
    return { rendered, seconds };
  }

  /** Moves the files out of the slot's scratch, so that the slot is free for the next chunk. */
  async #take(rendered: LocalRendered): Promise<{ readonly taken: readonly Taken[]; readonly seconds: number }> {
    const sources: { role: ResultFile["role"]; from: string }[] = [
      ...(rendered.raw === undefined ? [] : [{ role: "raw" as const, from: rendered.raw }]),
      ...rendered.outputs.map((from) => ({ role: "output" as const, from })),
      ...(rendered.preview === undefined ? [] : [{ role: "preview" as const, from: rendered.preview }]),
    ];
    const taken: Taken[] = [];
    for (const { role, from } of sources) {
      const path = join(this.#options.directory, `${this.#count++}`);
      await this.#deps.disk.rename(from, path);
      taken.push({ role, path, name: basename(from), ...lastSamplesIn(role, rendered) });
    }
    return { taken, seconds: rendered.renderSeconds };
  }
}

function heldKey(chunk: ChunkId, name: string): string {
  return `${chunk}\n${name}`;
}

import type { Chunk, ChunkId, ResultFile } from "../../core/plan/chunk.ts";
import { AsyncQueue } from "../../kernel/channel.ts";
import { FarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import type { DonorLink, DonorUpdate } from "../../requester/donors/donor-link.ts";
import type { MemoryFiles } from "./memory-files.ts";
import type { Random } from "../random.ts";
import type { Steps } from "./steps.ts";

export const DEVICE_CLASS = { blenderVersion: "5.0.0", buildHash: "b", backend: "CPU", arch: "avx2" } as const;

/** Failures of an honest donor: once in so many times; 0: never. */
export interface Troubles {
  readonly crashes: number;
  readonly losesTransfers: number;
  /** Its pixels are always wrong. */
  readonly lies: boolean;
}

export interface FakeDonorDeps {
  readonly steps: Steps;
  readonly chance: Random;
  readonly files: MemoryFiles;
  /** The correct result of a chunk. */
  readonly pictureOf: (chunk: Chunk) => string;
}

/** A donor whose every answer is a step chosen by the explorer. */
export class FakeDonor implements DonorLink {
  readonly id: string;
  readonly name: string;
  readonly trusted: boolean;
  readonly slots: number;
  readonly deviceClass = DEVICE_CLASS;
  readonly benchmarkSpeed = undefined;
  readonly updates = new AsyncQueue<DonorUpdate>();
  readonly rendered: ChunkId[] = [];
  readonly #deps: FakeDonorDeps;
  readonly #troubles: Troubles;
  readonly #leases = new Map<ChunkId, AbortController>();
  readonly #held = new Map<string, string>();
  #isGone = false;

  constructor(deps: FakeDonorDeps, facts: { readonly id: string; readonly trusted: boolean; readonly slots: number }, troubles: Troubles) {
    this.#deps = deps;
    this.#troubles = troubles;
    this.id = facts.id;
    this.name = facts.id;
    this.trusted = facts.trusted;
    this.slots = facts.slots;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  lease(chunk: Chunk): void {
    const life = new AbortController();
    this.#leases.set(chunk.id, life);
    this.#tell({ type: "started", chunk: chunk.id });
    const { steps } = this.#deps;
    steps
      .later(`${this.id} renders ${chunk.id}`, () => this.#render(chunk), life.signal)
      .then(
        (news) => this.#tell(news),
        () => {}, // withdrawn, or left
      );
  }

  #render(chunk: Chunk): DonorUpdate {
    this.#leases.delete(chunk.id);
    const { chance, pictureOf } = this.#deps;
    const { crashes, lies } = this.#troubles;
    if (crashes > 0 && chance.oneIn(crashes))
      return { type: "failed", chunk: chunk.id, code: "BLENDER_CRASHED", message: "it crashed", kind: "task" };
    const content = lies ? `not ${pictureOf(chunk)}` : pictureOf(chunk);
    this.rendered.push(chunk.id);
    const isFinal = chunk.spec.kind === "files";
    const file: ResultFile = {
      role: isFinal ? "output" : "raw",
      name: isFinal ? `f_${chunk.spec.frame}` : "floats.exr",
      sha256: sha256(Buffer.from(content)),
      bytes: content.length,
    };
    this.#held.set(`${chunk.id} ${file.sha256}`, content);
    return { type: "rendered", chunk: chunk.id, files: [file], seconds: 1 };
  }

  withdraw(chunk: ChunkId): void {
    this.#leases.get(chunk)?.abort(new FarmError("CANCELLED", "withdrawn"));
    this.#leases.delete(chunk);
    this.release(chunk);
  }

  release(chunk: ChunkId): void {
    for (const key of this.#held.keys()) if (key.startsWith(`${chunk} `)) this.#held.delete(key);
  }

  async fetch(chunk: ChunkId, file: ResultFile, toPath: string, signal: AbortSignal): Promise<void> {
    const { steps, chance, files } = this.#deps;
    const bring = () => {
      const { losesTransfers } = this.#troubles;
      if (this.#isGone) throw new FarmError("PEER_UNREACHABLE", "it is gone");
      if (losesTransfers > 0 && chance.oneIn(losesTransfers))
        throw chance.oneIn(2) ? new DOMException("no answer", "TimeoutError") : new FarmError("BLOCK_MISSING", "it is not here");
      const content = this.#held.get(`${chunk} ${file.sha256}`);
      if (content === undefined) throw new FarmError("BLOCK_MISSING", "it was dropped");
      files.write(toPath, content);
    };
    await steps.later(`fetch ${chunk} from ${this.id}`, bring, signal);
  }

  /** Its machine leaves, with or without a goodbye. */
  vanish(reason: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const life of this.#leases.values()) life.abort(new FarmError("CANCELLED", reason));
    this.#leases.clear();
    this.updates.push({ type: "gone", reason });
    this.updates.close();
  }

  stand(open: boolean): void {
    this.#tell({ type: "availability", open, reason: open ? undefined : "its owner paused it" });
  }

  beat(): void {
    this.#tell({ type: "alive" });
  }

  #tell(news: DonorUpdate): void {
    if (!this.#isGone) this.updates.push(news);
  }

  async close(): Promise<void> {
    this.vanish("the job has ended");
  }
}

import type { Chunk, ChunkId, ChunkSpec, DeviceClass, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import { type LinkedAbort, childSignal } from "../../kernel/abort.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import type { DonorLink } from "../donors/donor-link.ts";
import type { JobFiles, JobMedia, ResultSummary } from "../ports.ts";
import { assertShape, maxFloatBytes, RESULT_LIMITS } from "./result-shape.ts";

export interface ResultReceiverDeps {
  readonly media: Pick<JobMedia, "check">;
  readonly files: JobFiles;
  /** Renders a small piece of the chunk here and tells its channels and attributes: what honest results have. */
  readonly trustedSummary: (chunk: Chunk, signal: AbortSignal) => Promise<ResultSummary>;
}

/** A result that lies in the job's folder, whole and structurally sound. */
export interface FetchedResult {
  readonly files: readonly ResultFile[];
  /** Name of the whole result: the hash of its one file, or of the list of its files. */
  readonly sha256: string;
  readonly bytes: number;
  readonly suspicious: boolean;
}

/** One lease's result, from the lease on until nobody needs it. */
interface Result {
  /** Ends what is being done for it here. */
  readonly life: LinkedAbort;
  committed: { readonly files: readonly ResultFile[]; readonly deviceClass: DeviceClass | undefined } | undefined;
  /** Everything under way that reads or writes its files. */
  readonly busy: TrackedTasks;
}

/**
 * Takes results in: remembers what donors committed to, brings the files, passes them through the
 * structural gate. The first commitment to a lease stands; a later one is no news. What honest floats look like
 * (channels, attributes) is learned once a scene from a render of this machine, never from a stranger.
 */
export class ResultReceiver {
  readonly #deps: ResultReceiverDeps;
  readonly #verifies: boolean;
  readonly #results = new Map<string, Result>();
  readonly #dropping = new Map<string, Promise<void>>();
  readonly #summaries = new Map<string, Promise<ResultSummary>>();

  constructor(deps: ResultReceiverDeps, options: { readonly verifies: boolean }) {
    this.#deps = deps;
    this.#verifies = options.verifies;
  }

  /** A lease was given: whatever came of an earlier one of the same donor goes. */
  expect(chunk: ChunkId, donor: DonorId): void {
    void this.drop(chunk, donor);
    this.#results.set(key(chunk, donor), { life: childSignal(), committed: undefined, busy: new TrackedTasks() });
  }

  /** The donor has committed to these files. False when it has done so before for this lease, or has none. */
  commit(chunk: ChunkId, donor: DonorId, files: readonly ResultFile[], deviceClass?: DeviceClass): boolean {
    const result = this.#results.get(key(chunk, donor));
    if (!result || result.committed) return false;
    result.committed = { files, deviceClass };
    return true;
  }

  /** At resume: what was accepted before lies here; nobody remembers what made it. */
  restore(chunk: ChunkId, donor: DonorId, files: readonly ResultFile[]): void {
    this.#results.set(key(chunk, donor), { life: childSignal(), committed: { files, deviceClass: undefined }, busy: new TrackedTasks() });
  }

  files(chunk: ChunkId, donor: DonorId): readonly ResultFile[] {
    return this.#results.get(key(chunk, donor))?.committed?.files ?? [];
  }

  /** What made it, by its donor's word. */
  classOf(chunk: ChunkId, donor: DonorId): DeviceClass | undefined {
    return this.#results.get(key(chunk, donor))?.committed?.deviceClass;
  }

  /** Nobody wants this result any more: what is under way for it ends, and its files go. */
  drop(chunk: ChunkId, donor: DonorId): Promise<void> {
    const name = key(chunk, donor);
    const result = this.#results.get(name);
    if (!result) return this.#dropping.get(name) ?? Promise.resolve();
    this.#results.delete(name);
    const dropping = this.#tidy(chunk, donor, result).finally(() => {
      if (this.#dropping.get(name) === dropping) this.#dropping.delete(name);
    });
    this.#dropping.set(name, dropping);
    return dropping;
  }

  async #tidy(chunk: ChunkId, donor: DonorId, { life, busy, committed }: Result): Promise<void> {
    life.abort(new FarmError("CANCELLED", "the result is not wanted any more"));
    await busy.settle();
    await this.#deps.files.remove((committed?.files ?? []).map(({ sha256: hash }) => this.#deps.files.resultPath(chunk, donor, hash)));
  }

  /** Channels and attributes of such raw results, once known. */
  async summaryOf(spec: PassesOf): Promise<ResultSummary | undefined> {
    return await this.#summaries.get(passesKey(spec));
  }

  /** At resume: what such raw results look like is read from one that was accepted before. */
  learn(spec: PassesOf, summary: Promise<ResultSummary>): void {
    this.#summaries.set(passesKey(spec), summary);
  }

  /**
   * Brings and gates a result; undefined when it was dropped meanwhile. Throws RESULT_INVALID, EXR_INVALID, or what
   * the transfer throws; CHECK_FAILED when this machine cannot tell what an honest result looks like.
   */
  async take(chunk: Chunk, donor: DonorLink, signal: AbortSignal): Promise<FetchedResult | undefined> {
    return await this.#forResult(chunk.id, donor.id, signal, async (files, end) => {
      assertShape(chunk, files);
      for (const file of files.filter(({ role }) => role !== "preview")) await this.#bring(chunk.id, file, donor, end);
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      const raw = files.find(({ role }) => role === "raw");
      if (chunk.spec.kind === "files" || raw === undefined) {
        return { files, sha256: sha256(Buffer.from(files.map((file) => file.sha256).join())), bytes, suspicious: false };
      }
      const { nonFinite } = await this.#gate(chunk, raw, donor, end);
      return { files, sha256: raw.sha256, bytes, suspicious: nonFinite > 0 };
    });
  }

  /** Brings the small preview, if the donor made one, and uses it while it is there; undefined when there is none. */
  async withPreview<T>(chunk: ChunkId, donor: DonorLink, use: (path: string) => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    return await this.#forResult(chunk, donor.id, signal, async (files, end) => {
      const preview = files.find(({ role, bytes }) => role === "preview" && bytes <= RESULT_LIMITS.maxPreviewBytes);
      if (preview === undefined) return undefined;
      await this.#bring(chunk, preview, donor, end);
      return await use(this.#deps.files.resultPath(chunk, donor.id, preview.sha256));
    });
  }

  /** Runs work on a result that ends when the result is dropped; its files stay as long as the work runs. */
  async #forResult<T>(
    chunk: ChunkId,
    donor: DonorId,
    signal: AbortSignal,
    work: (files: readonly ResultFile[], signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const result = this.#results.get(key(chunk, donor));
    if (!result) return undefined;
    const { committed, life, busy } = result;
    if (!committed) throw new FarmError("PEER_UNREACHABLE", `nothing was promised for chunk ${chunk}`);
    const end = () => life.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const running = (this.#dropping.get(key(chunk, donor)) ?? Promise.resolve()).then(() => work(committed.files, life.signal));
    try {
      const value = await busy.add(running);
      return life.signal.aborted ? undefined : value;
    } catch (error) {
      if (life.signal.aborted && !signal.aborted) return undefined;
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /** Uses a result's files; they stay until the work has ended. Undefined when it was dropped before or meanwhile. */
  async use<T>(
    chunk: ChunkId,
    donor: DonorId,
    work: (files: readonly ResultFile[]) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    return await this.#forResult(chunk, donor, signal, (files) => work(files));
  }

  async #bring(chunk: ChunkId, file: ResultFile, donor: DonorLink, signal: AbortSignal): Promise<void> {
    const path = this.#deps.files.resultPath(chunk, donor.id, file.sha256);
    await donor.fetch(chunk, file, path, signal);
    await this.#deps.files.sync(path); // the journal will say that it is here
  }

  async #gate(chunk: Chunk, raw: ResultFile, donor: DonorLink, signal: AbortSignal): Promise<ResultSummary> {
    if (chunk.spec.kind !== "raw") throw new Error("only floats pass the float gate");
    const { rect } = chunk.spec;
    const path = this.#deps.files.resultPath(chunk.id, donor.id, raw.sha256);
    const expectation = { width: rect.width, height: rect.height, maxBytes: maxFloatBytes(rect.width, rect.height) };
    const own = this.#deps.media.check(path, expectation, signal);
    own.catch(() => {}); // told below, which may come after this machine's own sample
    const trusted = await this.#expected(passesKey(chunk.spec), chunk, donor.trusted || !this.#verifies ? own : undefined, signal);
    const summary = await own;
    if (summary.channels.join() !== trusted.channels.join())
      throw new FarmError("RESULT_INVALID", `the result of chunk ${chunk.id} has other channels than its scene`);
    return summary;
  }

  /** A sample that could not be made is made anew for the next result; one that was given up with its result, too. */
  async #expected(passes: string, chunk: Chunk, own: Promise<ResultSummary> | undefined, signal: AbortSignal): Promise<ResultSummary> {
    const before = this.#summaries.get(passes);
    const known = before ?? own ?? this.#sample(chunk, signal);
    this.#summaries.set(passes, known);
    try {
      return await known;
    } catch (error) {
      if (this.#summaries.get(passes) === known) this.#summaries.delete(passes);
      // It ended with the result that first asked for it, not with this one.
      if (before !== undefined && !signal.aborted) return await this.#expected(passes, chunk, own, signal);
      throw error;
    }
  }

  /** Tried twice: a Blender that crashed once need not do so again. */
  async #sample(chunk: Chunk, signal: AbortSignal, isLast = false): Promise<ResultSummary> {
    try {
      return await this.#deps.trustedSummary(chunk, signal);
    } catch (cause) {
      if (signal.aborted || isFarmError(cause, "SCENE_CHANGED") || isFarmError(cause, "DISK_FULL")) throw cause;
      if (!isLast) return await this.#sample(chunk, signal, true);
      throw new FarmError("CHECK_FAILED", `this machine could not render a sample of ${chunk.spec.scene}: ${messageOf(cause)}`, { cause });
    }
  }
}

/** What decides which passes a raw result has. */
export type PassesOf = Pick<Extract<ChunkSpec, { kind: "raw" }>, "scene" | "denoise">;

function passesKey({ scene, denoise }: PassesOf): string {
  return `${denoise}\n${scene}`;
}

function key(chunk: ChunkId, donor: DonorId): string {
  return `${chunk}\n${donor}`;
}

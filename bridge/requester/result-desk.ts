import { open, stat } from "node:fs/promises";
import type { Chunk, ChunkId, DeviceClass, DonorId, ResultFile } from "../core/chunk.ts";
import { FarmError } from "../kernel/errors.ts";
import { sha256 } from "../kernel/ids.ts";
import type { DonorLink } from "./donor-link.ts";
import type { JobFolder } from "./job-folder.ts";
import type { HashFile, JobMedia, ResultSummary } from "./ports.ts";

/** Caps on what a donor may deliver for a chunk. */
export const RESULT_LIMITS = {
  /** Channels of the richest picture we take; bounds a float result by its rectangle. */
  maxChannels: 1024,
  headerBytes: 2 * 1024 * 1024,
  maxOutputBytes: 4 * 1024 ** 3,
  maxPreviewBytes: 4 * 1024 * 1024,
} as const;

export interface ResultDeskDeps {
  readonly media: Pick<JobMedia, "check">;
  readonly folder: JobFolder;
  readonly hashFile: HashFile;
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

/**
 * Takes results in: remembers what donors committed to, brings the files, passes them through the
 * structural gate. What honest floats look like (channels, attributes) is learned once a scene from
 * a render of this machine, never from a stranger.
 */
export class ResultDesk {
  readonly #deps: ResultDeskDeps;
  readonly #verifies: boolean;
  readonly #committed = new Map<string, { readonly files: readonly ResultFile[]; readonly deviceClass: DeviceClass | undefined }>();
  readonly #summaries = new Map<string, Promise<ResultSummary>>();

  constructor(deps: ResultDeskDeps, options: { readonly verifies: boolean }) {
    this.#deps = deps;
    this.#verifies = options.verifies;
  }

  /** The donor has committed to these files for the chunk; at resume nobody remembers what made them. */
  commit(chunk: ChunkId, donor: DonorId, files: readonly ResultFile[], deviceClass?: DeviceClass): void {
    this.#committed.set(key(chunk, donor), { files, deviceClass });
  }

  files(chunk: ChunkId, donor: DonorId): readonly ResultFile[] {
    return this.#committed.get(key(chunk, donor))?.files ?? [];
  }

  /** What made it, by its donor's word. */
  classOf(chunk: ChunkId, donor: DonorId): DeviceClass | undefined {
    return this.#committed.get(key(chunk, donor))?.deviceClass;
  }

  forget(chunk: ChunkId, donor: DonorId): void {
    this.#committed.delete(key(chunk, donor));
  }

  /** Channels and attributes of the scene's floats, once known. */
  async summaryOf(scene: string): Promise<ResultSummary | undefined> {
    return await this.#summaries.get(scene);
  }

  /** At resume: what the scene's floats look like is read from a result that was accepted before. */
  learn(scene: string, summary: Promise<ResultSummary>): void {
    this.#summaries.set(scene, summary);
  }

  /** Brings and gates a result. Throws RESULT_INVALID, EXR_INVALID, or what the transfer throws. */
  async take(chunk: Chunk, donor: DonorLink, signal: AbortSignal): Promise<FetchedResult> {
    const files = this.files(chunk.id, donor.id);
    assertShape(chunk, files);
    for (const file of files.filter(({ role }) => role !== "preview")) await this.#bring(chunk.id, file, donor, signal);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const floats = files.find(({ role }) => role === "floats");
    if (chunk.spec.kind === "files" || floats === undefined) {
      return { files, sha256: sha256(Buffer.from(files.map((file) => file.sha256).join())), bytes, suspicious: false };
    }
    const { nonFinite } = await this.#gate(chunk, floats, donor, signal);
    return { files, sha256: floats.sha256, bytes, suspicious: nonFinite > 0 };
  }

  /** Brings the small preview, if the donor made one; undefined when that fails. */
  async takePreview(chunk: ChunkId, donor: DonorLink, signal: AbortSignal): Promise<string | undefined> {
    const preview = this.files(chunk, donor.id).find(({ role, bytes }) => role === "preview" && bytes <= RESULT_LIMITS.maxPreviewBytes);
    if (preview === undefined) return undefined;
    await this.#bring(chunk, preview, donor, signal);
    return this.#deps.folder.result(preview.sha256);
  }

  async #bring(chunk: ChunkId, file: ResultFile, donor: DonorLink, signal: AbortSignal): Promise<void> {
    const path = this.#deps.folder.result(file.sha256);
    const here = await stat(path).catch(() => undefined);
    if (here?.size === file.bytes && (await this.#deps.hashFile(path)).sha256 === file.sha256) return;
    await donor.fetch(chunk, file, path, signal);
    await using handle = await open(path, "r+");
    await handle.sync(); // the journal will say that it is here
  }

  async #gate(chunk: Chunk, floats: ResultFile, donor: DonorLink, signal: AbortSignal): Promise<ResultSummary> {
    if (chunk.spec.kind !== "floats") throw new Error("only floats pass the float gate");
    const { rect, scene } = chunk.spec;
    const path = this.#deps.folder.result(floats.sha256);
    const expectation = { width: rect.width, height: rect.height, maxBytes: maxFloatBytes(rect.width, rect.height) };
    const own = this.#deps.media.check(path, expectation, signal);
    const trusted = await this.#expected(scene, chunk, donor.trusted || !this.#verifies ? own : undefined, signal);
    const summary = await own;
    if (summary.channels.join() !== trusted.channels.join())
      throw new FarmError("RESULT_INVALID", `the result of chunk ${chunk.id} has other channels than its scene`);
    return summary;
  }

  async #expected(scene: string, chunk: Chunk, own: Promise<ResultSummary> | undefined, signal: AbortSignal): Promise<ResultSummary> {
    const known = this.#summaries.get(scene) ?? own ?? this.#deps.trustedSummary(chunk, signal);
    this.#summaries.set(scene, known);
    try {
      return await known;
    } catch (error) {
      this.#summaries.delete(scene);
      throw error;
    }
  }
}

function key(chunk: ChunkId, donor: DonorId): string {
  return `${chunk}\n${donor}`;
}

/** Cap of a float result, as a file and decoded. */
export function maxFloatBytes(width: number, height: number): number {
  return Math.ceil(width * height * 4 * RESULT_LIMITS.maxChannels * 1.1) + RESULT_LIMITS.headerBytes;
}

/** What was promised must fit the chunk before a byte of it moves. */
function assertShape(chunk: Chunk, files: readonly ResultFile[]): void {
  const refuse = (why: string) => new FarmError("RESULT_INVALID", `the result of chunk ${chunk.id} ${why}`);
  const floats = files.filter(({ role }) => role === "floats");
  const outputs = files.filter(({ role }) => role === "output");
  if (chunk.spec.kind === "floats") {
    const [only] = floats;
    if (only === undefined || floats.length > 1 || outputs.length > 0) throw refuse("must be one float picture");
    if (only.bytes > maxFloatBytes(chunk.spec.rect.width, chunk.spec.rect.height)) throw refuse("is larger than its rectangle allows");
    return;
  }
  if (outputs.length === 0 || floats.length > 0) throw refuse("must be final files");
  if (outputs.some(({ bytes }) => bytes > RESULT_LIMITS.maxOutputBytes)) throw refuse("holds a file that is too large");
}

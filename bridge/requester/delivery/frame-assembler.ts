import { join } from "node:path";
import PQueue from "p-queue";
import type { RawImage } from "../../core/job/job-events.ts";
import type { DeliveryMode } from "../../core/job/option-schemas.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import type { Chunk, ChunkId, DonorId } from "../../core/plan/chunk.ts";
import type { JobPlan, SceneFrameKey } from "../../core/plan/plan.ts";
import type { JobFiles, JobFinisher } from "../ports.ts";
import { type AcceptedResult, SceneFrameAssembly, type SceneFrameAssemblyDeps } from "./scene-frame-assembly.ts";

export interface FrameAssemblerDeps extends SceneFrameAssemblyDeps {
  readonly files: Pick<JobFiles, "resultPath" | "tiledPath" | "deliver" | "remove">;
  readonly finisher: JobFinisher;
  /** Nobody needs this result any more. */
  readonly drop: (chunk: ChunkId, donor: DonorId) => Promise<void>;
}

export interface AssemblyOptions {
  readonly plan: JobPlan;
  /** Folder for final files that donors wrote themselves. */
  readonly outputFolder: string;
  /** All frames become one movie, written at the end. */
  readonly movie: { readonly start: number; readonly end: number; readonly step: number } | undefined;
  /** Raw frames are left as they are assembled: somebody else finishes them. */
  readonly deliver: DeliveryMode;
}

export interface FinishedFrame {
  readonly frame: number;
  readonly files: readonly WrittenFile[];
  /** Where raw frames are delivered: all that the frame is made of. */
  readonly pictures: readonly RawImage[];
  /** Chunks whose picture now stands on disk. */
  readonly chunks: readonly ChunkId[];
}

/** What becomes of frames, told one by one. */
export interface FrameCallbacks {
  /** No doubt about this accepted chunk is being looked into. */
  isSafe(chunk: ChunkId): boolean;
  /** Nothing that must be finished before this frame is still to be finished. */
  isItsTurn(frame: number): boolean;
  /** Claims the chunks of a picture that is on the disk; false when one of them was taken back, or is in doubt after all. */
  claim(chunks: readonly ChunkId[]): boolean;
  begun(frame: number): void;
  /** It is being denoised; `share` is done. */
  denoising(frame: number, share: number): void;
  /** Something that it is made of was taken back. */
  undone(frame: number): void;
  /** Frames of one movie come together: they are there together, or not. */
  finished(frames: readonly FinishedFrame[]): Promise<void>;
  failed(frame: number, error: unknown): void;
}

/** A frame and the scene frames it is made of. */
type UnfinishedFrame = readonly [frame: number, sceneFrames: readonly SceneFrameAssembly[]];

/** Finishes frames of accepted results, by one Blender, as soon as all that a frame is made of is in its place. */
export class FrameAssembler {
  readonly #deps: FrameAssemblerDeps;
  readonly #options: AssemblyOptions;
  readonly #chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly #sceneFrameOf: ReadonlyMap<ChunkId, SceneFrameAssembly>;
  readonly #unfinished: Map<number, readonly SceneFrameAssembly[]>;
  /** Unfinished frames that are made of it. */
  readonly #framesOf = new Map<SceneFrameAssembly, Set<number>>();
  /** Unfinished frames of which everything is in its place; they may still be in doubt. */
  readonly #whole = new Set<number>();
  /** Being finished, or waiting for their turn. */
  readonly #busy = new Set<number>();
  readonly #finishing = new PQueue({ concurrency: 1 });

  constructor(deps: FrameAssemblerDeps, options: AssemblyOptions, finishedBefore: Iterable<number>) {
    this.#deps = deps;
    this.#options = options;
    const { chunks, sceneFrames, outputs } = options.plan;
    this.#chunks = new Map(chunks.map((chunk) => [chunk.id, chunk]));
    const assemblies = new Map<SceneFrameKey, SceneFrameAssembly>(
      sceneFrames.map((planned) => [planned.key, new SceneFrameAssembly(deps, planned)]),
    );
    this.#sceneFrameOf = new Map([...assemblies.values()].flatMap((each) => each.planned.chunks.map((chunk) => [chunk, each] as const)));
    for (const each of assemblies.values()) this.#framesOf.set(each, new Set());
    const finished = new Set(finishedBefore);
    this.#unfinished = new Map(
      outputs
        .filter(({ frame }) => !finished.has(frame))
        .map(({ frame, sceneFrames: keys }) => [frame, keys.flatMap((key) => assemblies.get(key) ?? [])]),
    );
    for (const [frame, made] of this.#unfinished) {
      for (const each of made) this.#framesOf.get(each)?.add(frame);
      if (made.length === 0) this.#whole.add(frame); // it needs no render engine at all
    }
  }

  /** Puts an accepted result in its place. False when it was taken back meanwhile. */
  async add(chunkId: ChunkId, result: AcceptedResult, signal: AbortSignal): Promise<boolean> {
    const chunk = this.#chunks.get(chunkId);
    const sceneFrame = this.#sceneFrameOf.get(chunkId);
    if (!chunk || !sceneFrame) throw new Error(`no scene frame holds chunk ${chunkId}`);
    if (!(await sceneFrame.add(chunk, result, signal))) return false;
    if (sceneFrame.isWhole)
      for (const frame of this.#framesOf.get(sceneFrame) ?? []) if (isWhole(this.#unfinished.get(frame) ?? [])) this.#whole.add(frame);
    return true;
  }

  /** The result was wrong after all: its place must be filled again, and a picture made of it is made again. */
  remove(chunkId: ChunkId): void {
    const sceneFrame = this.#sceneFrameOf.get(chunkId);
    if (!sceneFrame) return;
    sceneFrame.remove(chunkId);
    for (const frame of this.#framesOf.get(sceneFrame) ?? []) this.#whole.delete(frame);
  }

  /** Finishes every frame that is whole, whose turn it is, and that is not in doubt; `signal` ends it. */
  async finishReady(watch: FrameCallbacks, signal: AbortSignal): Promise<void> {
    const ready = this.#options.movie ? this.#readyMovie(watch) : this.#readyFrames(watch).map((frame) => [frame]);
    if (ready.length === 0) return;
    for (const frame of ready.flat()) {
      this.#whole.delete(frame);
      this.#busy.add(frame);
    }
    await Promise.all(ready.map((frames) => this.#finishing.add(() => this.#finish(frames, watch, signal))));
    await this.finishReady(watch, signal); // what became whole again meanwhile
  }

  #readyFrames(watch: FrameCallbacks): number[] {
    const isReady = (frame: number) => !this.#busy.has(frame) && watch.isItsTurn(frame) && this.#isSafe(frame, watch);
    return [...this.#whole].filter(isReady);
  }

  /** A movie is made of all its frames at once. */
  #readyMovie(watch: FrameCallbacks): number[][] {
    if (this.#unfinished.size === 0 || this.#busy.size > 0 || this.#whole.size < this.#unfinished.size) return [];
    const frames = [...this.#unfinished.keys()];
    return frames.every((frame) => this.#isSafe(frame, watch)) ? [frames] : [];
  }

  #isSafe(frame: number, watch: FrameCallbacks): boolean {
    return chunksOf(this.#unfinished.get(frame) ?? []).every((chunk) => watch.isSafe(chunk));
  }

  /** Makes one picture, or one movie, of these frames. When something was taken back meanwhile, they are made once more. */
  async #finish(frames: readonly number[], watch: FrameCallbacks, signal: AbortSignal): Promise<void> {
    const made = frames.map((frame): UnfinishedFrame => [frame, this.#unfinished.get(frame) ?? []]);
    const sceneFrames = made.flatMap(([, each]) => each);
    try {
      if (!isWhole(sceneFrames)) return this.#putBack(made); // taken back while it waited for its turn
      const before = revisionOf(sceneFrames);
      for (const frame of frames) watch.begun(frame);
      await this.#complete(made, watch, signal);
      const files = await this.#write(made, signal);
      if (revisionOf(sceneFrames) !== before || !watch.claim(chunksOf(sceneFrames))) {
        this.#putBack(made);
        return frames.forEach((frame) => watch.undone(frame));
      }
      await watch.finished(made.map((each, at) => this.#finishedOf(each, at === 0 ? files : [])));
      for (const each of made) await this.#forget(each);
    } catch (error) {
      for (const frame of frames) watch.failed(frame, error);
    } finally {
      for (const frame of frames) this.#end(frame);
    }
  }

  async #complete(made: readonly UnfinishedFrame[], watch: FrameCallbacks, signal: AbortSignal): Promise<void> {
    for (const [frame, sceneFrames] of made)
      for (const sceneFrame of sceneFrames) await sceneFrame.complete((share) => watch.denoising(frame, share), signal);
  }

  /** They come again when what they are made of is in its place, which it may be already. */
  #putBack(made: readonly UnfinishedFrame[]): void {
    for (const [frame, sceneFrames] of made) if (isWhole(sceneFrames)) this.#whole.add(frame);
  }

  #end(frame: number): void {
    this.#busy.delete(frame);
    if (!this.#unfinished.has(frame)) this.#whole.delete(frame);
  }

  #finishedOf([frame, sceneFrames]: UnfinishedFrame, files: readonly WrittenFile[]): FinishedFrame {
    const pictures = this.#options.deliver === "raw" ? sceneFrames.map(pictureOf) : [];
    return { frame, files, pictures, chunks: chunksOf(sceneFrames) };
  }

  async #write(made: readonly UnfinishedFrame[], signal: AbortSignal): Promise<readonly WrittenFile[]> {
    const { movie, deliver } = this.#options;
    if (movie) return await this.#deps.finisher.finishMovie(movie, signal);
    const [first] = made;
    if (first === undefined || deliver === "raw") return [];
    const [frame, sceneFrames] = first;
    const isFinal = sceneFrames.some(({ planned }) => planned.kind === "files");
    return isFinal ? await this.#deliver(sceneFrames) : await this.#deps.finisher.finishFrame(frame, signal);
  }

  /** Final files that a donor's Blender wrote go to the output folder under Blender's own names. */
  async #deliver(sceneFrames: readonly SceneFrameAssembly[]): Promise<WrittenFile[]> {
    const written: WrittenFile[] = [];
    for (const { results } of sceneFrames) {
      for (const [chunk, { donor, files }] of results) {
        for (const { name, sha256 } of files.filter(({ role }) => role === "output")) {
          const from = this.#deps.files.resultPath(chunk, donor, sha256);
          written.push(await this.#deps.files.deliver(from, join(this.#options.outputFolder, name)));
        }
      }
    }
    return written;
  }

  /** What no unfinished frame needs is dropped: an animation must not fill the disk. */
  async #forget([frame, sceneFrames]: UnfinishedFrame): Promise<void> {
    this.#unfinished.delete(frame);
    for (const sceneFrame of sceneFrames) {
      const frames = this.#framesOf.get(sceneFrame);
      frames?.delete(frame);
      if (frames && frames.size > 0) continue;
      await sceneFrame.forget();
      if (this.#options.deliver === "files") await this.#deps.files.remove([sceneFrame.path]);
      for (const [chunk, { donor }] of sceneFrame.results) await this.#deps.drop(chunk, donor);
    }
  }
}

function chunksOf(sceneFrames: readonly SceneFrameAssembly[]): ChunkId[] {
  return sceneFrames.flatMap(({ planned }) => [...planned.chunks]);
}

function revisionOf(sceneFrames: readonly SceneFrameAssembly[]): string {
  return sceneFrames.map(({ revision }) => revision).join();
}

function isWhole(sceneFrames: readonly SceneFrameAssembly[]): boolean {
  return sceneFrames.every((each) => each.isWhole);
}

function pictureOf({ planned: { sceneFrame, width, height, region }, path }: SceneFrameAssembly): RawImage {
  return { scene: sceneFrame.scene, frame: sceneFrame.frame, path, width, height, region };
}

import type { Deliver } from "../../core/job/option-schemas.ts";
import { join } from "node:path";
import PQueue from "p-queue";
import type { Chunk, ChunkId, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import type { RawImage } from "../../core/job/job-events.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import type { JobPlan, PlannedSceneFrame, SceneFrameKey } from "../../core/plan/plan.ts";

import type { AssembledPath, AssembledPicture, JobFiles, JobFinisher, JobMedia, ResultSummary } from "../ports.ts";

export interface FrameAssemblerDeps {
  readonly media: Pick<JobMedia, "createAssembled" | "paste">;
  readonly files: JobFiles;
  readonly assembledPath: AssembledPath;
  readonly finisher: JobFinisher;
  readonly summaryOf: (scene: string) => Promise<ResultSummary | undefined>;
  /** Nobody needs this result any more. */
  readonly drop: (chunk: ChunkId, donor: DonorId) => Promise<void>;
}

export interface AssemblyOptions {
  readonly plan: JobPlan;
  /** Folder for final files that donors wrote themselves. */
  readonly outputFolder: string;
  /** All frames become one movie, written at the end. */
  readonly movie: { readonly start: number; readonly end: number; readonly step: number } | undefined;
  /** Floats are left as they are assembled: somebody else finishes them. */
  readonly deliver: Deliver;
}

export interface FinishedFrame {
  readonly frame: number;
  readonly files: readonly WrittenFile[];
  /** Where floats are delivered: all that the frame is made of. */
  readonly pictures: readonly RawImage[];
  /** Chunks whose picture now stands on disk. */
  readonly chunks: readonly ChunkId[];
}

/** What becomes of frames, told one by one. */
export interface FrameWatch {
  /** No doubt about this accepted chunk is being looked into. */
  isSafe(chunk: ChunkId): boolean;
  /** Nothing that must be finished before this frame is still to be finished. */
  isItsTurn(frame: number): boolean;
  /** Claims the chunks of a picture that is on the disk; false when one of them was taken back, or is in doubt after all. */
  claim(chunks: readonly ChunkId[]): boolean;
  begun(frame: number): void;
  /** Something that it is made of was taken back. */
  undone(frame: number): void;
  /** Frames of one movie come together: they are there together, or not. */
  finished(frames: readonly FinishedFrame[]): Promise<void>;
  failed(frame: number, error: unknown): void;
}

interface Pasted {
  readonly donor: DonorId;
  readonly files: readonly ResultFile[];
}

interface SceneFrameProgress {
  readonly planned: PlannedSceneFrame;
  /** Accepted results, and those of them that lie in their places. */
  readonly expected: Map<ChunkId, Pasted>;
  readonly pasted: Map<ChunkId, Pasted>;
  created: Promise<AssembledPicture> | undefined;
  /** Counts results that were taken back. */
  revision: number;
  /** The last paste of each chunk: two never write to one place at once. */
  readonly pasting: Map<ChunkId, Promise<unknown>>;
  /** Frames that are not finished and are made of it. */
  readonly frames: Set<number>;
}

/** Puts accepted results together: pasted into assembled files, finished frame by frame by one Blender. */
export class FrameAssembler {
  readonly #deps: FrameAssemblerDeps;
  readonly #options: AssemblyOptions;
  readonly #chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly #sceneFrames: ReadonlyMap<SceneFrameKey, SceneFrameProgress>;
  readonly #sceneFrameOf = new Map<ChunkId, SceneFrameProgress>();
  readonly #unfinished: Map<number, readonly SceneFrameProgress[]>;
  /** Unfinished frames of which everything is pasted; they may still be in doubt. */
  readonly #whole = new Set<number>();
  /** Being finished, or waiting for their turn. */
  readonly #busy = new Set<number>();
  readonly #finishing = new PQueue({ concurrency: 1 });

  constructor(deps: FrameAssemblerDeps, options: AssemblyOptions, finishedBefore: Iterable<number>) {
    this.#deps = deps;
    this.#options = options;
    this.#chunks = new Map(options.plan.chunks.map((chunk) => [chunk.id, chunk]));
    this.#sceneFrames = new Map(
      options.plan.sceneFrames.map((planned) => [
        planned.key,
        { planned, expected: new Map(), pasted: new Map(), created: undefined, revision: 0, pasting: new Map(), frames: new Set<number>() },
      ]),
    );
    for (const sceneFrame of this.#sceneFrames.values())
      for (const chunk of sceneFrame.planned.chunks) this.#sceneFrameOf.set(chunk, sceneFrame);
    const finished = new Set(finishedBefore);
    const sceneFramesOf = (keys: readonly SceneFrameKey[]) => keys.flatMap((key) => this.#sceneFrames.get(key) ?? []);
    this.#unfinished = new Map(
      options.plan.outputs.filter(({ frame }) => !finished.has(frame)).map(({ frame, sceneFrames }) => [frame, sceneFramesOf(sceneFrames)]),
    );
    for (const [frame, sceneFrames] of this.#unfinished) {
      for (const sceneFrame of sceneFrames) sceneFrame.frames.add(frame);
      if (sceneFrames.length === 0) this.#whole.add(frame); // it needs no render engine at all
    }
  }

  /** Puts an accepted result in its place. False when it was taken back meanwhile. */
  async add(chunkId: ChunkId, result: Pasted, signal: AbortSignal): Promise<boolean> {
    const chunk = this.#chunks.get(chunkId);
    const sceneFrame = this.#sceneFrameOf.get(chunkId);
    if (!chunk || !sceneFrame) throw new Error(`no unit holds chunk ${chunkId}`);
    sceneFrame.expected.set(chunkId, result);
    const isWanted = () => sceneFrame.expected.get(chunkId) === result;
    const before = sceneFrame.pasting.get(chunkId) ?? Promise.resolve();
    const pasting = before.catch(() => {}).then(() => (isWanted() ? this.#paste(chunk, sceneFrame, result, signal) : undefined));
    sceneFrame.pasting.set(chunkId, pasting);
    await pasting;
    if (!isWanted()) return false;
    sceneFrame.pasted.set(chunkId, result);
    if (isWhole(sceneFrame)) for (const frame of sceneFrame.frames) if (this.#unfinished.get(frame)?.every(isWhole)) this.#whole.add(frame);
    return true;
  }

  async #paste(
    { id, spec, tileRect }: Chunk,
    sceneFrame: SceneFrameProgress,
    { donor, files }: Pasted,
    signal: AbortSignal,
  ): Promise<void> {
    const raw = files.find(({ role }) => role === "raw");
    if (spec.kind !== "raw" || !raw) return;
    sceneFrame.created ??= this.#create(sceneFrame.planned, signal);
    const target = await sceneFrame.created;
    const resultPath = this.#deps.files.resultPath(id, donor, raw.sha256);
    const { region } = sceneFrame.planned;
    await this.#deps.media.paste({ resultPath, target, resultRect: spec.rect, tileRect: tileRect ?? spec.rect, region }, signal);
  }

  /** The result was wrong after all: its place must be filled again, and a picture made of it is made again. */
  remove(chunkId: ChunkId): void {
    const sceneFrame = this.#sceneFrameOf.get(chunkId);
    if (!sceneFrame) return;
    sceneFrame.expected.delete(chunkId);
    sceneFrame.pasted.delete(chunkId);
    sceneFrame.revision++;
    for (const frame of sceneFrame.frames) this.#whole.delete(frame);
  }

  /** Finishes every frame that is whole and not in doubt; `signal` ends it. */
  async finishReady(watch: FrameWatch, signal: AbortSignal): Promise<void> {
    if (this.#options.movie) return await this.#finishMovie(watch, signal);
    const isReady = (frame: number) =>
      !this.#busy.has(frame) && watch.isItsTurn(frame) && this.#isSafe(this.#unfinished.get(frame) ?? [], watch);
    const ready = [...this.#whole].filter(isReady);
    if (ready.length === 0) return;
    for (const frame of ready) this.#begin(frame);
    await Promise.all(ready.map((frame) => this.#finishing.add(() => this.#finishFrame(frame, watch, signal))));
    await this.finishReady(watch, signal); // what became whole again meanwhile
  }

  #begin(frame: number): void {
    this.#whole.delete(frame);
    this.#busy.add(frame);
  }

  /** A result was taken back meanwhile: the frame is made once more when it is whole again, which it may be already. */
  #end(frame: number): void {
    this.#busy.delete(frame);
    if (this.#whole.has(frame) && !this.#unfinished.has(frame)) this.#whole.delete(frame);
  }

  #isSafe(sceneFrames: readonly SceneFrameProgress[], watch: FrameWatch): boolean {
    return sceneFrames.every(({ planned }) => planned.chunks.every((chunk) => watch.isSafe(chunk)));
  }

  async #finishFrame(frame: number, watch: FrameWatch, signal: AbortSignal): Promise<void> {
    const sceneFrames = this.#unfinished.get(frame) ?? [];
    if (!sceneFrames.every(isWhole)) return this.#end(frame); // taken back while it waited for its turn: it comes again
    const before = revisionOf(sceneFrames);
    watch.begun(frame);
    try {
      const files = await this.#filesOf(frame, sceneFrames, signal);
      const chunks = chunksOf(sceneFrames);
      if (revisionOf(sceneFrames) !== before || !watch.claim(chunks)) return this.#again(frame, sceneFrames, watch);
      const pictures = this.#options.deliver === "raw" ? sceneFrames.map(({ planned }) => this.#pictureOf(planned)) : [];
      await watch.finished([{ frame, files, pictures, chunks }]);
      await this.#forget(frame, sceneFrames);
    } catch (error) {
      watch.failed(frame, error);
    } finally {
      this.#end(frame);
    }
  }

  /** What it is made of was taken back, or came into doubt, while it was made: once more, when nothing speaks against it. */
  #again(frame: number, sceneFrames: readonly SceneFrameProgress[], watch: FrameWatch): void {
    if (sceneFrames.every(isWhole)) this.#whole.add(frame);
    watch.undone(frame);
  }

  async #filesOf(frame: number, sceneFrames: readonly SceneFrameProgress[], signal: AbortSignal): Promise<readonly WrittenFile[]> {
    if (this.#options.deliver === "raw") return [];
    const isFinal = sceneFrames.some(({ planned }) => planned.kind === "files");
    return isFinal ? await this.#deliver(sceneFrames) : await this.#deps.finisher.finishFrame(frame, signal);
  }

  #pictureOf({ sceneFrame, width, height, region }: PlannedSceneFrame): RawImage {
    return { scene: sceneFrame.scene, frame: sceneFrame.frame, path: this.#deps.assembledPath(sceneFrame), width, height, region };
  }

  async #finishMovie(watch: FrameWatch, signal: AbortSignal): Promise<void> {
    const { movie } = this.#options;
    if (!movie || this.#whole.size < this.#unfinished.size || this.#unfinished.size === 0 || this.#busy.size > 0) return;
    const frames = [...this.#unfinished];
    const sceneFrames = frames.flatMap(([, each]) => each);
    if (!this.#isSafe(sceneFrames, watch)) return;
    for (const [frame] of frames) this.#begin(frame);
    await this.#finishing.add(async () => {
      const before = revisionOf(sceneFrames);
      for (const [frame] of frames) watch.begun(frame);
      try {
        const files = await this.#deps.finisher.finishMovie(movie, signal);
        if (revisionOf(sceneFrames) !== before || !watch.claim(chunksOf(sceneFrames)))
          return frames.forEach(([frame, made]) => this.#again(frame, made, watch));
        await watch.finished(
          frames.map(([frame, made], at) => ({ frame, files: at === 0 ? files : [], pictures: [], chunks: chunksOf(made) })),
        );
        for (const [frame, made] of frames) await this.#forget(frame, made);
      } catch (error) {
        for (const [frame] of frames) watch.failed(frame, error);
      } finally {
        for (const [frame] of frames) this.#end(frame);
      }
    });
    await this.#finishMovie(watch, signal);
  }

  async #create(planned: PlannedSceneFrame, signal: AbortSignal): Promise<AssembledPicture> {
    const summary = await this.#deps.summaryOf(planned.sceneFrame.scene);
    if (!summary) throw new Error(`a result of ${planned.sceneFrame.scene} was accepted before its channels were known`);
    const { width, height } = planned.region;
    const picture: AssembledPicture = {
      path: this.#deps.assembledPath(planned.sceneFrame),
      width,
      height,
      channels: summary.channels,
      attributes: summary.attributes,
    };
    await this.#deps.media.createAssembled(picture, signal);
    return picture;
  }

  /** Final files that a donor's Blender wrote go to the output folder under Blender's own names. */
  async #deliver(sceneFrames: readonly SceneFrameProgress[]): Promise<WrittenFile[]> {
    const written: WrittenFile[] = [];
    for (const { pasted } of sceneFrames) {
      for (const [chunk, { donor, files }] of pasted) {
        for (const { name, sha256 } of files.filter(({ role }) => role === "output")) {
          const from = this.#deps.files.resultPath(chunk, donor, sha256);
          written.push(await this.#deps.files.deliver(from, join(this.#options.outputFolder, name)));
        }
      }
    }
    return written;
  }

  /** Floats that no unfinished frame needs are dropped: an animation must not fill the disk. */
  async #forget(frame: number, sceneFrames: readonly SceneFrameProgress[]): Promise<void> {
    this.#unfinished.delete(frame);
    for (const sceneFrame of sceneFrames) {
      sceneFrame.frames.delete(frame);
      if (sceneFrame.frames.size > 0) continue;
      if (this.#options.deliver === "files") await this.#deps.files.remove([this.#deps.assembledPath(sceneFrame.planned.sceneFrame)]);
      for (const [chunk, { donor }] of sceneFrame.pasted) await this.#deps.drop(chunk, donor);
    }
  }
}

function chunksOf(sceneFrames: readonly SceneFrameProgress[]): ChunkId[] {
  return sceneFrames.flatMap(({ planned }) => [...planned.chunks]);
}

function revisionOf(sceneFrames: readonly SceneFrameProgress[]): string {
  return sceneFrames.map(({ revision }) => revision).join();
}

function isWhole({ planned, pasted }: SceneFrameProgress): boolean {
  return pasted.size === planned.chunks.length;
}

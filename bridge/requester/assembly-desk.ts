import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import PQueue from "p-queue";
import type { Chunk, ChunkId, ResultFile } from "../core/chunk.ts";
import type { JobPlan, PlannedUnit, UnitKey } from "../core/plan.ts";
import type { FloatsPicture } from "../core/job-events.ts";
import type { JobFolder } from "./job-folder.ts";
import type { Deliver } from "./job-order.ts";
import type { AssembledPath, AssembledPicture, JobFinisher, JobMedia, ResultSummary } from "./ports.ts";

export interface AssemblyDeskDeps {
  readonly media: Pick<JobMedia, "createAssembled" | "paste">;
  readonly folder: JobFolder;
  readonly assembledPath: AssembledPath;
  readonly finisher: () => Promise<JobFinisher>;
  readonly summaryOf: (scene: string) => Promise<ResultSummary | undefined>;
  /** No doubt about this accepted chunk is being looked into. */
  readonly isSafe: (chunk: ChunkId) => boolean;
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
  readonly outputs: readonly string[];
  /** Where floats are delivered: all that the frame is made of. */
  readonly pictures: readonly FloatsPicture[];
  /** Chunks whose picture now stands on disk. */
  readonly chunks: readonly ChunkId[];
}

interface UnitProgress {
  readonly planned: PlannedUnit;
  readonly pasted: Map<ChunkId, readonly ResultFile[]>;
  created: Promise<AssembledPicture> | undefined;
  /** Counts results that were taken back. */
  revision: number;
}

/** Puts accepted results together: pasted into assembled files, finished frame by frame by one Blender. */
export class AssemblyDesk {
  readonly #deps: AssemblyDeskDeps;
  readonly #options: AssemblyOptions;
  readonly #chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly #units: ReadonlyMap<UnitKey, UnitProgress>;
  readonly #unitOf = new Map<ChunkId, UnitProgress>();
  readonly #unfinished: Set<number>;
  readonly #finishing = new PQueue({ concurrency: 1 });

  constructor(deps: AssemblyDeskDeps, options: AssemblyOptions, finishedBefore: Iterable<number>) {
    this.#deps = deps;
    this.#options = options;
    this.#chunks = new Map(options.plan.chunks.map((chunk) => [chunk.id, chunk]));
    this.#units = new Map(
      options.plan.units.map((planned) => [planned.key, { planned, pasted: new Map(), created: undefined, revision: 0 }]),
    );
    for (const unit of this.#units.values()) for (const chunk of unit.planned.chunks) this.#unitOf.set(chunk, unit);
    this.#unfinished = new Set(options.plan.outputs.map(({ frame }) => frame));
    for (const frame of finishedBefore) this.#unfinished.delete(frame);
  }

  /** Puts an accepted result in its place. */
  async add(chunkId: ChunkId, files: readonly ResultFile[], signal: AbortSignal): Promise<void> {
    const chunk = this.#chunks.get(chunkId);
    const unit = this.#unitOf.get(chunkId);
    if (!chunk || !unit) throw new Error(`no unit holds chunk ${chunkId}`);
    const floats = files.find(({ role }) => role === "floats");
    if (chunk.spec.kind === "floats" && floats) {
      unit.created ??= this.#create(unit.planned, signal);
      const target = await unit.created;
      const keep = chunk.keep ?? chunk.spec.rect;
      await this.#deps.media.paste(
        { resultPath: this.#deps.folder.result(floats.sha256), target, resultRect: chunk.spec.rect, keep, region: unit.planned.region },
        signal,
      );
    }
    unit.pasted.set(chunkId, files);
  }

  /** The result was wrong after all: its place must be filled again, and a picture made of it is made again. */
  remove(chunkId: ChunkId): void {
    const unit = this.#unitOf.get(chunkId);
    if (!unit) return;
    unit.pasted.delete(chunkId);
    unit.revision++;
  }

  /** Finishes every frame that is whole now; frames finish one after the other. */
  async finishReady(signal: AbortSignal, finished: (frame: FinishedFrame) => Promise<void>): Promise<void> {
    if (this.#options.movie) return await this.#finishMovie(signal, finished);
    const ready = this.#options.plan.outputs.filter(
      ({ frame, units }) => this.#unfinished.has(frame) && units.every((key) => this.#isWhole(key)),
    );
    for (const { frame } of ready) this.#unfinished.delete(frame);
    await Promise.all(ready.map(({ frame, units }) => this.#finishing.add(() => this.#finishFrame(frame, units, signal, finished))));
  }

  get framesLeft(): number {
    return this.#unfinished.size;
  }

  async #finishFrame(
    frame: number,
    units: readonly UnitKey[],
    signal: AbortSignal,
    finished: (frame: FinishedFrame) => Promise<void>,
  ): Promise<void> {
    const progress = units.map((key) => this.#units.get(key)).filter((unit) => unit !== undefined);
    const revisions = progress.map(({ revision }) => revision).join();
    const outputs = await this.#outputsOf(frame, progress, signal);
    if (progress.map(({ revision }) => revision).join() !== revisions) {
      this.#unfinished.add(frame); // a result was taken back meanwhile: once more when the frame is whole again
      return await this.finishReady(signal, finished);
    }
    const pictures = this.#options.deliver === "floats" ? progress.map(({ planned }) => this.#pictureOf(planned)) : [];
    await finished({ frame, outputs, pictures, chunks: progress.flatMap(({ planned }) => [...planned.chunks]) });
    await this.#tidy(progress);
  }

  async #outputsOf(frame: number, units: readonly UnitProgress[], signal: AbortSignal): Promise<readonly string[]> {
    if (this.#options.deliver === "floats") return [];
    const isAssembled = units.some(({ planned }) => planned.kind === "floats");
    return isAssembled ? await (await this.#deps.finisher()).finishFrame(frame, signal) : await this.#deliver(units);
  }

  #pictureOf({ unit, width, height, region }: PlannedUnit): FloatsPicture {
    return { scene: unit.scene, frame: unit.frame, path: this.#deps.assembledPath(unit), width, height, region };
  }

  async #finishMovie(signal: AbortSignal, finished: (frame: FinishedFrame) => Promise<void>): Promise<void> {
    const { movie, plan } = this.#options;
    if (!movie || this.#unfinished.size === 0 || !plan.units.every(({ key }) => this.#isWhole(key))) return;
    this.#unfinished.clear();
    await this.#finishing.add(async () => {
      const outputs = await (await this.#deps.finisher()).finishMovie(movie, signal);
      for (const [index, { frame, units }] of plan.outputs.entries()) {
        const chunks = units.flatMap((key) => [...(this.#units.get(key)?.planned.chunks ?? [])]);
        await finished({ frame, outputs: index === 0 ? outputs : [], pictures: [], chunks });
      }
      await this.#tidy([...this.#units.values()]);
    });
  }

  #isWhole(key: UnitKey): boolean {
    const unit = this.#units.get(key);
    return unit !== undefined && unit.planned.chunks.every((chunk) => unit.pasted.has(chunk) && this.#deps.isSafe(chunk));
  }

  async #create(planned: PlannedUnit, signal: AbortSignal): Promise<AssembledPicture> {
    const summary = await this.#deps.summaryOf(planned.unit.scene);
    if (!summary) throw new Error(`a result of ${planned.unit.scene} was accepted before its channels were known`);
    const { width, height } = planned.region;
    const picture: AssembledPicture = {
      path: this.#deps.assembledPath(planned.unit),
      width,
      height,
      channels: summary.channels,
      attributes: summary.attributes,
    };
    await this.#deps.media.createAssembled(picture, signal);
    return picture;
  }

  /** Final files that a donor's Blender wrote go to the output folder under Blender's own names. */
  async #deliver(units: readonly UnitProgress[]): Promise<string[]> {
    const outputs: string[] = [];
    await mkdir(this.#options.outputFolder, { recursive: true });
    for (const file of units.flatMap(({ pasted }) => [...pasted.values()].flat()).filter(({ role }) => role === "output")) {
      const target = join(this.#options.outputFolder, file.name);
      const beside = join(dirname(target), `.${file.name}.part`);
      await copyFile(this.#deps.folder.result(file.sha256), beside);
      await rename(beside, target);
      outputs.push(target);
    }
    return outputs;
  }

  /** Floats that no unfinished frame needs are dropped: an animation must not fill the disk. */
  async #tidy(units: readonly UnitProgress[]): Promise<void> {
    const needed = new Set(
      this.#options.plan.outputs.filter(({ frame }) => this.#unfinished.has(frame)).flatMap(({ units: keys }) => [...keys]),
    );
    const neededFiles = new Set([...needed].flatMap((key) => hashesOf(this.#units.get(key))));
    for (const unit of units.filter(({ planned }) => !needed.has(planned.key))) {
      if (this.#options.deliver === "files") await rm(this.#deps.assembledPath(unit.planned.unit), { force: true });
      // Static frames share one result: its file stays while another frame needs it.
      for (const hash of hashesOf(unit)) if (!neededFiles.has(hash)) await rm(this.#deps.folder.result(hash), { force: true });
    }
  }
}

function hashesOf(unit: UnitProgress | undefined): string[] {
  return [...(unit?.pasted.values() ?? [])].flat().map(({ sha256 }) => sha256);
}

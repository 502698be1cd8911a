import type { Chunk, ChunkId, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import type { PlannedSceneFrame } from "../../core/plan/plan.ts";
import type { AssembledPath, AssembledPicture, JobFiles, JobMedia, ResultSummary } from "../ports.ts";
import type { PassesOf } from "../results/result-receiver.ts";
import type { PictureCompletion } from "./picture-completion.ts";

export interface SceneFrameAssemblyDeps {
  readonly media: Pick<JobMedia, "createAssembled" | "paste">;
  readonly files: Pick<JobFiles, "resultPath" | "tiledPath" | "remove">;
  readonly assembledPath: AssembledPath;
  readonly completion: Pick<PictureCompletion, "isNeeded" | "countChannels" | "complete">;
  /** Channels and attributes of such raw results, once known. */
  readonly summaryOf: (spec: PassesOf) => Promise<ResultSummary | undefined>;
}

export interface AcceptedResult {
  readonly donor: DonorId;
  readonly files: readonly ResultFile[];
}

/** What tiles are pasted into. */
interface TiledPicture {
  readonly picture: AssembledPicture;
  /** False: the frame's picture is made of it in one more step, denoised, or with sample counts that are relative again. */
  readonly isFinal: boolean;
}

/** One scene frame while it is put together: the raw tiles that were accepted are pasted into one picture. */
export class SceneFrameAssembly {
  readonly planned: PlannedSceneFrame;
  readonly #deps: SceneFrameAssemblyDeps;
  /** Accepted results, and those of them that lie in their places. */
  readonly #accepted = new Map<ChunkId, AcceptedResult>();
  readonly #pasted = new Map<ChunkId, AcceptedResult>();
  /** The last paste of each chunk: two never write to one place at once. */
  readonly #pasting = new Map<ChunkId, Promise<unknown>>();
  #picture: Promise<TiledPicture> | undefined;
  #revision = 0;
  /** The revision that the picture was completed at; several frames may show it. */
  #completed = -1;

  constructor(deps: SceneFrameAssemblyDeps, planned: PlannedSceneFrame) {
    this.#deps = deps;
    this.planned = planned;
  }

  /** Everything it is made of lies in its place. */
  get isWhole(): boolean {
    return this.#pasted.size === this.planned.chunks.length;
  }

  /** Counts results that were taken back: what was made of it before is out of date when this has changed. */
  get revision(): number {
    return this.#revision;
  }

  get results(): ReadonlyMap<ChunkId, AcceptedResult> {
    return this.#pasted;
  }

  /** Where its picture lies once `complete` has resolved. */
  get path(): string {
    return this.#deps.assembledPath(this.planned.sceneFrame);
  }

  /** Puts an accepted result in its place. False when it was taken back meanwhile. */
  async add(chunk: Chunk, result: AcceptedResult, signal: AbortSignal): Promise<boolean> {
    this.#accepted.set(chunk.id, result);
    const isWanted = () => this.#accepted.get(chunk.id) === result;
    const before = this.#pasting.get(chunk.id) ?? Promise.resolve();
    const pasting = before.catch(() => {}).then(() => (isWanted() ? this.#paste(chunk, result, signal) : undefined));
    this.#pasting.set(chunk.id, pasting);
    await pasting;
    if (!isWanted()) return false;
    this.#pasted.set(chunk.id, result);
    return true;
  }

  /** The result was wrong after all: its place must be filled again. */
  remove(chunk: ChunkId): void {
    this.#accepted.delete(chunk);
    this.#pasted.delete(chunk);
    this.#revision++;
  }

  /** Makes the whole picture what one Blender would have rendered; `progress`: the share of denoising that is done. */
  async complete(progress: (share: number) => void, signal: AbortSignal): Promise<void> {
    const tiled = await this.#picture;
    if (!tiled || tiled.isFinal || this.#completed === this.#revision) return;
    const revision = this.#revision;
    const lastSamples = [...this.#pasted.values()].map(({ files }) => files.find(({ role }) => role === "raw")?.lastSamples);
    await this.#deps.completion.complete({ planned: this.planned, tiled: tiled.picture, to: this.path, lastSamples }, progress, signal);
    this.#completed = revision;
  }

  /** Nobody needs its noisy tiles any more. */
  async forget(): Promise<void> {
    const tiled = await this.#picture;
    if (tiled && !tiled.isFinal) await this.#deps.files.remove([tiled.picture.path]);
  }

  async #paste(chunk: Chunk, { donor, files }: AcceptedResult, signal: AbortSignal): Promise<void> {
    const { id, spec, tileRect } = chunk;
    const raw = files.find(({ role }) => role === "raw");
    if (spec.kind !== "raw" || !raw) return;
    this.#picture ??= this.#create(spec, signal);
    const { picture: target } = await this.#picture;
    const { region } = this.planned;
    await this.#deps.media.paste(
      {
        resultPath: this.#deps.files.resultPath(id, donor, raw.sha256),
        target,
        resultRect: spec.rect,
        tileRect: tileRect ?? spec.rect,
        region,
        lastSamples: this.#deps.completion.countChannels(this.planned, target.channels, raw.lastSamples),
      },
      signal,
    );
  }

  async #create(spec: PassesOf, signal: AbortSignal): Promise<TiledPicture> {
    const { region } = this.planned;
    const summary = await this.#deps.summaryOf(spec);
    if (!summary) throw new Error(`a result of ${spec.scene} was accepted before its channels were known`);
    const { channels, attributes } = summary;
    const shape = { width: region.width, height: region.height, channels, attributes };
    const isFinal = !this.#deps.completion.isNeeded(this.planned, channels);
    const picture: AssembledPicture = { ...shape, path: isFinal ? this.path : this.#deps.files.tiledPath(this.path) };
    await this.#deps.media.createAssembled(picture, signal);
    return { picture, isFinal };
  }
}

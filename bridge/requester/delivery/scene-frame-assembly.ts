import { finalChannels } from "../../core/denoise/final-channels.ts";
import { lastSamplesOf } from "../../core/denoise/sample-counts.ts";
import type { SceneRenderFacts } from "../../core/job/scene-facts.ts";
import type { Chunk, ChunkId, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import type { PlannedSceneFrame } from "../../core/plan/plan.ts";
import type { AssembledPath, AssembledPicture, FrameDenoiser, JobFiles, JobMedia, ResultSummary } from "../ports.ts";
import type { PassesOf } from "../results/result-receiver.ts";

export interface SceneFrameAssemblyDeps {
  readonly media: Pick<JobMedia, "createAssembled" | "paste" | "deriveAssembled">;
  readonly files: Pick<JobFiles, "resultPath" | "tiledPath" | "move" | "remove">;
  readonly assembledPath: AssembledPath;
  readonly denoiser: FrameDenoiser;
  /** Channels and attributes of such raw results, once known. */
  readonly summaryOf: (spec: PassesOf) => Promise<ResultSummary | undefined>;
  readonly factsOf: (scene: string) => Pick<SceneRenderFacts, "adaptive" | "viewLayers" | "views"> | undefined;
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

  /** Makes the whole picture what one Blender would have rendered: denoises it, where its tiles are noisy. */
  async complete(progress: (share: number) => void, signal: AbortSignal): Promise<void> {
    const tiled = await this.#picture;
    if (!tiled || tiled.isFinal || this.#completed === this.#revision) return;
    const revision = this.#revision;
    const { media, files, denoiser, factsOf } = this.#deps;
    const { denoise: recipe, sceneFrame } = this.planned;
    const views = factsOf(sceneFrame.scene)?.views ?? [""];
    const { picture } = tiled;
    const channels = recipe ? finalChannels(picture.channels, recipe, views) : picture.channels;
    const beside = `${picture.path}.final`;
    await files.remove([beside]); // of a step that was interrupted
    await media.deriveAssembled({ from: picture.path, to: { ...picture, path: beside, channels }, relative: this.#lastOfAll(picture) }, signal);
    if (recipe) await denoiser.denoise({ from: picture.path, to: beside, recipe, views }, progress, signal);
    await files.move(beside, this.path);
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
        lastSamples: this.#countChannels(target, raw.lastSamples),
      },
      signal,
    );
  }

  async #create(spec: PassesOf, signal: AbortSignal): Promise<TiledPicture> {
    const { region, denoise } = this.planned;
    const summary = await this.#deps.summaryOf(spec);
    if (!summary) throw new Error(`a result of ${spec.scene} was accepted before its channels were known`);
    const { channels, attributes } = summary;
    const shape = { width: region.width, height: region.height, channels, attributes };
    const isFinal = denoise === undefined && Object.keys(this.#countChannels(shape, undefined)).length === 0;
    if (denoise) this.#deps.denoiser.prepare();
    const picture: AssembledPicture = { ...shape, path: isFinal ? this.path : this.#deps.files.tiledPath(this.path) };
    await this.#deps.media.createAssembled(picture, signal);
    return { picture, isFinal };
  }

  /** Channels of sample counts that are relative to each tile's own end; a whole frame's are what they should be. */
  #countChannels({ channels }: Pick<AssembledPicture, "channels">, said: readonly number[] | undefined) {
    const facts = this.#deps.factsOf(this.planned.sceneFrame.scene);
    return facts && this.planned.chunks.length > 1 ? lastSamplesOf(facts, channels, said) : {};
  }

  /** The sample at which the whole frame would have stopped: the last one of all its tiles. */
  #lastOfAll(picture: AssembledPicture): Readonly<Record<string, number>> {
    const lasts: Record<string, number> = {};
    for (const { files } of this.#pasted.values()) {
      const said = files.find(({ role }) => role === "raw")?.lastSamples;
      for (const [name, last] of Object.entries(this.#countChannels(picture, said))) lasts[name] = Math.max(lasts[name] ?? 1, last ?? 1);
    }
    return lasts;
  }
}

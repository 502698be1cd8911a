import type { Chunk, ChunkId, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import type { PlannedSceneFrame } from "../../core/plan/plan.ts";
import type { AssembledPath, AssembledPicture, JobFiles, JobMedia, ResultSummary } from "../ports.ts";

export interface SceneFrameAssemblyDeps {
  readonly media: Pick<JobMedia, "createAssembled" | "paste">;
  readonly files: Pick<JobFiles, "resultPath">;
  readonly assembledPath: AssembledPath;
  /** Channels and attributes of the scene's raw frames, once known. */
  readonly summaryOf: (scene: string) => Promise<ResultSummary | undefined>;
}

export interface AcceptedResult {
  readonly donor: DonorId;
  readonly files: readonly ResultFile[];
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
  #picture: Promise<AssembledPicture> | undefined;
  #revision = 0;

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

  /** Where its picture lies; it is there when raw results have been added. */
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

  async #paste({ id, spec, tileRect }: Chunk, { donor, files }: AcceptedResult, signal: AbortSignal): Promise<void> {
    const raw = files.find(({ role }) => role === "raw");
    if (spec.kind !== "raw" || !raw) return;
    this.#picture ??= this.#create(signal);
    const target = await this.#picture;
    const resultPath = this.#deps.files.resultPath(id, donor, raw.sha256);
    const { region } = this.planned;
    await this.#deps.media.paste({ resultPath, target, resultRect: spec.rect, tileRect: tileRect ?? spec.rect, region }, signal);
  }

  async #create(signal: AbortSignal): Promise<AssembledPicture> {
    const { region, sceneFrame } = this.planned;
    const summary = await this.#deps.summaryOf(sceneFrame.scene);
    if (!summary) throw new Error(`a result of ${sceneFrame.scene} was accepted before its channels were known`);
    const { channels, attributes } = summary;
    const picture: AssembledPicture = { path: this.path, width: region.width, height: region.height, channels, attributes };
    await this.#deps.media.createAssembled(picture, signal);
    return picture;
  }
}

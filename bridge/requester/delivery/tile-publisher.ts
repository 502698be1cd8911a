import type { Chunk, ChunkId, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { JobPlan, PlannedSceneFrame } from "../../core/plan/plan.ts";
import type { PassesOf } from "../results/result-receiver.ts";
import type { JobFiles, JobMedia, ResultSummary } from "../ports.ts";

export interface TilePublisherDeps {
  readonly media: Pick<JobMedia, "createAssembled" | "paste">;
  readonly files: JobFiles;
  readonly summaryOf: (spec: PassesOf) => Promise<ResultSummary | undefined>;
  readonly observe: (event: JobEvent) => void;
}

/**
 * Shows accepted tiles to whoever looks at a frame while it grows. Each gets a file that we write anew, of the
 * kept rectangle alone: a stranger's bytes are nothing for Blender's own EXR reader.
 */
export class TilePublisher {
  readonly #deps: TilePublisherDeps;
  readonly #sceneFrameOf: ReadonlyMap<ChunkId, PlannedSceneFrame>;
  readonly #shown = new Map<ChunkId, string>();
  #count = 0;

  constructor(deps: TilePublisherDeps, plan: JobPlan) {
    this.#deps = deps;
    const tiled = plan.sceneFrames.filter(({ kind, chunks }) => kind === "raw" && chunks.length > 1);
    this.#sceneFrameOf = new Map(tiled.flatMap((sceneFrame) => sceneFrame.chunks.map((chunk) => [chunk, sceneFrame] as const)));
  }

  /** A frame of one piece needs no showing: it is whole at once. */
  async show(chunk: Chunk, donor: DonorId, files: readonly ResultFile[], signal: AbortSignal): Promise<void> {
    const sceneFrame = this.#sceneFrameOf.get(chunk.id);
    const raw = files.find(({ role }) => role === "raw");
    if (!sceneFrame || !raw || chunk.spec.kind !== "raw") return;
    const { scene, frame, rect: resultRect } = chunk.spec;
    const rect = chunk.tileRect ?? resultRect;
    const summary = await this.#deps.summaryOf(chunk.spec);
    if (!summary) return;
    const { media, observe } = this.#deps;
    const path = this.#deps.files.tilePath(`${this.#count++}.exr`);
    const target = { path, width: rect.width, height: rect.height, channels: summary.channels, attributes: summary.attributes };
    await media.createAssembled(target, signal);
    await media.paste(
      { resultPath: this.#deps.files.resultPath(chunk.id, donor, raw.sha256), target, resultRect, tileRect: rect, region: rect },
      signal,
    );
    this.#shown.set(chunk.id, path);
    observe({ event: "tile", chunk: chunk.id, donor, scene, frame, rect, region: sceneFrame.region, path });
  }

  /** They are no longer of use: wrong after all, or part of a whole frame. */
  async drop(chunks: readonly ChunkId[]): Promise<void> {
    for (const chunk of chunks) {
      const path = this.#shown.get(chunk);
      this.#shown.delete(chunk);
      if (path !== undefined) await this.#deps.files.remove([path]);
    }
  }
}

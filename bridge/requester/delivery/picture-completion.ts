import { finalChannels } from "../../core/denoise/final-channels.ts";
import { type LastSamples, lastSamplesOf } from "../../core/denoise/sample-counts.ts";
import type { SceneRenderFacts } from "../../core/job/scene-facts.ts";
import type { PlannedSceneFrame } from "../../core/plan/plan.ts";
import type { AssembledPicture, FrameDenoiser, JobFiles, JobMedia } from "../ports.ts";

export interface PictureCompletionDeps {
  readonly media: Pick<JobMedia, "deriveAssembled">;
  readonly files: Pick<JobFiles, "move" | "remove">;
  readonly denoiser: FrameDenoiser;
  readonly factsOf: (scene: string) => Pick<SceneRenderFacts, "adaptive" | "viewLayers" | "views"> | undefined;
}

/** Tiles in their places, and where the frame's picture goes. */
export interface TiledFrame {
  readonly planned: PlannedSceneFrame;
  readonly tiled: AssembledPicture;
  readonly to: string;
  /** What the renderers of its tiles said, a list a tile. */
  readonly lastSamples: readonly (readonly number[] | undefined)[];
}

/** Makes of pasted tiles what one Blender would have rendered: denoises them, and shows sample counts as those of one render. */
export class PictureCompletion {
  readonly #deps: PictureCompletionDeps;

  constructor(deps: PictureCompletionDeps) {
    this.#deps = deps;
  }

  /** False: the pasted tiles are the picture. Makes the denoiser ready where it will be needed. */
  isNeeded(planned: PlannedSceneFrame, channels: readonly string[]): boolean {
    if (planned.denoise) this.#deps.denoiser.prepare();
    return planned.denoise !== undefined || Object.keys(this.countChannels(planned, channels, undefined)).length > 0;
  }

  /** Channels of sample counts that are relative to each tile's own end; those of a whole frame are as they should be. */
  countChannels(planned: PlannedSceneFrame, channels: readonly string[], said: readonly number[] | undefined): LastSamples {
    const facts = this.#deps.factsOf(planned.sceneFrame.scene);
    return facts && planned.chunks.length > 1 ? lastSamplesOf(facts, channels, said) : {};
  }

  /** Writes the frame's picture; `progress`: the share of denoising that is done. Throws FINISHING_FAILED, DISK_FULL. */
  async complete(frame: TiledFrame, progress: (share: number) => void, signal: AbortSignal): Promise<void> {
    const { planned, tiled, to } = frame;
    const { media, files, denoiser, factsOf } = this.#deps;
    const { denoise: recipe, sceneFrame } = planned;
    const views = factsOf(sceneFrame.scene)?.views ?? [""];
    const channels = recipe ? finalChannels(tiled.channels, recipe, views) : tiled.channels;
    const beside = `${tiled.path}.final`;
    await files.remove([beside]); // of a step that was interrupted
    await media.deriveAssembled({ from: tiled.path, to: { ...tiled, path: beside, channels }, relative: this.#lastOfAll(frame) }, signal);
    if (recipe) await denoiser.denoise({ from: tiled.path, to: beside, recipe, views }, progress, signal);
    await files.move(beside, to);
  }

  /** The sample at which the whole frame would have stopped: the last one of all its tiles. */
  #lastOfAll({ planned, tiled, lastSamples }: TiledFrame): Readonly<Record<string, number>> {
    const lasts: Record<string, number> = {};
    for (const said of lastSamples)
      for (const [name, last] of Object.entries(this.countChannels(planned, tiled.channels, said)))
        lasts[name] = Math.max(lasts[name] ?? 1, last ?? 1);
    return lasts;
  }
}

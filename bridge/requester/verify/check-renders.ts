import { join } from "node:path";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { Disk } from "../../kernel/disk.ts";
import type { LocalRendered, LocalScene, LocalSlots, PlacedRaw } from "../ports.ts";

export type RawSpec = Extract<ChunkSpec, { kind: "raw" }>;
export type FilesSpec = Extract<ChunkSpec, { kind: "files" }>;

/** Whose Blender renders: one that may have been at work on this scene, or one of its own. */
export type BlenderReuse = "warm" | "fresh";

interface CheckRendersDeps {
  readonly slots: LocalSlots;
  readonly disk: Disk;
}

/** Renders of this machine that results are compared with; they lie in a folder of the job until they have been looked at. */
export class CheckRenders {
  readonly #deps: CheckRendersDeps;
  readonly #where: { readonly scene: LocalScene; readonly folder: string };
  readonly #distrusted = new Set<string>();
  #count = 0;

  constructor(deps: CheckRendersDeps, where: { readonly scene: LocalScene; readonly folder: string }) {
    this.#deps = deps;
    this.#where = where;
  }

  /** Renders for one check; all of them are gone when it is disposed of. */
  begin(): RenderBatch {
    return new RenderBatch(
      this.#deps.disk,
      async (spec, freshness, take, signal) => {
        const fresh = freshness === "fresh" || this.#distrusted.has(spec.scene);
        return await this.#deps.slots.run(this.#where.scene, spec, { take, fresh }, signal);
      },
      join(this.#where.folder, `check-${this.#count++}`),
    );
  }

  /** A Blender that had been at work rendered this scene wrongly: from here on each render has one of its own. */
  distrust(scene: string): void {
    this.#distrusted.add(scene);
  }
}

type RunHere = <T>(
  spec: ChunkSpec,
  freshness: BlenderReuse,
  take: (rendered: LocalRendered) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

class RenderBatch implements AsyncDisposable {
  readonly #disk: Disk;
  readonly #run: RunHere;
  readonly #folder: string;
  #count = 0;

  constructor(disk: Disk, run: RunHere, folder: string) {
    this.#disk = disk;
    this.#run = run;
    this.#folder = folder;
  }

  /** A rectangle's floats. */
  async raw(spec: RawSpec, freshness: BlenderReuse, signal: AbortSignal): Promise<PlacedRaw> {
    const take = async ({ raw }: LocalRendered): Promise<PlacedRaw> => {
      if (raw === undefined) throw new Error("a render of floats left no floats");
      const [path = ""] = await this.#keep([raw]);
      return { path, rect: spec.rect };
    };
    return await this.#run(spec, freshness, take, signal);
  }

  /** A frame's final files, by the names that Blender gave them. */
  async outputs(spec: FilesSpec, freshness: BlenderReuse, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const take = async ({ outputs }: LocalRendered) => {
      const kept = await this.#keep(outputs);
      return new Map(outputs.map((path, at) => [path.split(/[\\/]/).at(-1) ?? "", kept[at] ?? ""]));
    };
    return await this.#run(spec, freshness, take, signal);
  }

  /** Out of the slot, whose next render writes over them. */
  async #keep(paths: readonly string[]): Promise<readonly string[]> {
    await this.#disk.mkdir(this.#folder, { recursive: true });
    const kept: string[] = [];
    for (const path of paths) {
      const to = join(this.#folder, String(this.#count++));
      await this.#disk.rename(path, to).catch(() => this.#disk.copyFile(path, to)); // the slot may lie on another disk
      kept.push(to);
    }
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disk.rm(this.#folder, { recursive: true, force: true });
  }
}

export type { RenderBatch };

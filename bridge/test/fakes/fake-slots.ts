import { basename, join } from "node:path";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { ChunkFiles, SceneOnDisk, WarmSession } from "../../donor/ports.ts";
import { RenderSlots } from "../../donor/render-slots.ts";
import type { Disk } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";

export interface FakeSlotsOptions {
  readonly slots: number;
  /** The folder of rendered files until they are taken. */
  readonly folder: string;
  /** Renders end when the test says so (`finish`). */
  readonly isHeld?: boolean;
  /** A cancelled render completes all the same, like one that had just finished. */
  readonly isDeaf?: boolean;
}

/**
 * Render slots with fake Blenders, which write texts instead of pictures, equal for the same scene and
 * chunk. They fulfil the contract of the real ones (`contract/local-slots-contract.ts`).
 */
export class FakeSlots extends RenderSlots {
  /** Blenders that were opened. */
  readonly opened: () => number;
  readonly #blenders: FakeBlenders;

  constructor(disk: Pick<Disk, "readFile" | "writeFile">, options: FakeSlotsOptions) {
    const blenders = new FakeBlenders(disk, options);
    super({ openSession: (_slot, scene) => blenders.open(scene) }, options);
    this.#blenders = blenders;
    this.opened = () => blenders.opened;
  }

  /** Chunks being rendered, if renders are held. */
  get begun(): number {
    return this.#blenders.held.size;
  }

  /** Ends all running renders. */
  finish(how: "well" | "crash" = "well"): void {
    for (const end of this.#blenders.held) end(how);
  }
}

class FakeBlenders {
  opened = 0;
  readonly held = new Set<(how: "well" | "crash") => void>();
  readonly #disk: Pick<Disk, "readFile" | "writeFile">;
  readonly #options: FakeSlotsOptions;

  constructor(disk: Pick<Disk, "readFile" | "writeFile">, options: FakeSlotsOptions) {
    this.#disk = disk;
    this.#options = options;
  }

  async open({ key }: SceneOnDisk): Promise<WarmSession> {
    const folder = join(this.#options.folder, `${++this.opened}`);
    const exited = Promise.withResolvers<void>();
    let scene = key;
    const load = async (path: string) => {
      try {
        scene = (await this.#disk.readFile(path)).toString();
      } catch (cause) {
        throw new FarmError("SCENE_UNREADABLE", `${basename(path)} could not be read`, { cause });
      }
    };
    const render = async (spec: ChunkSpec, signal: AbortSignal) => {
      try {
        await this.#turn(signal);
        return await this.#write(folder, spec, scene);
      } catch (error) {
        exited.resolve(); // a render cannot be interrupted: its Blender is ended
        throw error;
      }
    };
    return { load, render, exited: exited.promise, close: async () => exited.resolve() };
  }

  /** Settles when a render may end. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { isHeld = false, isDeaf = false } = this.#options;
    if (!isDeaf) signal.throwIfAborted();
    if (!isHeld) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (how: "well" | "crash") => (how === "well" ? resolve() : reject(new FarmError("BLENDER_CRASHED", "Blender has crashed")));
    const cancel = () => reject(signal.reason as Error);
    this.held.add(end);
    if (!isDeaf) signal.addEventListener("abort", cancel, { once: true });
    try {
      await promise;
    } finally {
      this.held.delete(end);
      signal.removeEventListener("abort", cancel);
    }
  }

  async #write(folder: string, spec: ChunkSpec, scene: string): Promise<ChunkFiles> {
    const write = async (name: string, content: string) => {
      await this.#disk.writeFile(join(folder, name), content);
      return join(folder, name);
    };
    const figures = { renderSeconds: 1, peakMemoryBytes: 1_000 };
    const what = `${scene} ${spec.scene} ${spec.frame}`;
    if (spec.kind === "files") {
      const name = spec.output.name.replace(/#+/, (digits) => `${spec.frame}`.padStart(digits.length, "0"));
      return { outputs: [await write(`${name}.${spec.output.format.toLowerCase()}`, what)], ...figures };
    }
    const raw = await write("floats.exr", `${what} ${Object.values(spec.rect).join()}`);
    return { raw, outputs: [], preview: await write("preview.png", `small ${what}`), ...figures };
  }
}

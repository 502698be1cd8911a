import type { RawImage } from "../../core/job/job-events.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import { type Disk, pathExists } from "../../kernel/disk.ts";
import type { AssembledPath } from "../ports.ts";

/** The assembled raw frames of a job that wait for somebody to take them. */
export class RawFrames {
  readonly #disk: Disk;
  readonly #picturesOf: ReadonlyMap<number, readonly RawImage[]>;
  /** How many frames that were not released show a picture, by path: scenes at rest and strips share them. */
  readonly #wanted = new Map<string, number>();
  readonly #here = new Set<number>();
  readonly #released = new Set<number>();

  constructor(disk: Disk, plan: JobPlan, pathOf: AssembledPath) {
    this.#disk = disk;
    const sceneFrames = new Map(plan.sceneFrames.map((sceneFrame) => [sceneFrame.key, sceneFrame]));
    const pictureOf = (key: string): RawImage[] => {
      const sceneFrame = sceneFrames.get(key);
      if (!sceneFrame || sceneFrame.kind !== "raw") return [];
      const { width, height, region } = sceneFrame;
      return [
        {
          scene: sceneFrame.sceneFrame.scene,
          frame: sceneFrame.sceneFrame.frame,
          path: pathOf(sceneFrame.sceneFrame),
          width,
          height,
          region,
        },
      ];
    };
    this.#picturesOf = new Map(plan.outputs.map(({ frame, sceneFrames: keys }) => [frame, keys.flatMap(pictureOf)]));
    for (const { path } of [...this.#picturesOf.values()].flat()) this.#wanted.set(path, (this.#wanted.get(path) ?? 0) + 1);
  }

  /** A frame is whole: its floats are here. */
  add(frame: number): void {
    this.#here.add(frame);
  }

  /** As `add`, for a frame of an earlier run; it may have been released then. */
  async recall(frame: number): Promise<void> {
    const pictures = this.#picturesOf.get(frame);
    const here = await Promise.all((pictures ?? []).map(({ path }) => pathExists(this.#disk, path)));
    if (pictures && !here.includes(false)) this.add(frame);
    else await this.release(frame);
  }

  get frames(): number[] {
    return [...this.#here].toSorted((a, b) => a - b);
  }

  /** All pictures that are here. */
  get all(): RawImage[] {
    return this.frames.flatMap((frame) => this.pictures(frame));
  }

  /** What a frame is made of; nothing while it is not whole. */
  pictures(frame: number): readonly RawImage[] {
    return (this.#here.has(frame) ? this.#picturesOf.get(frame) : undefined) ?? [];
  }

  /** Somebody has taken the frame: what no other frame shows is removed. */
  async release(frame: number): Promise<void> {
    if (this.#released.has(frame)) return;
    this.#released.add(frame);
    this.#here.delete(frame);
    for (const { path } of this.#picturesOf.get(frame) ?? []) {
      const wanted = (this.#wanted.get(path) ?? 1) - 1;
      this.#wanted.set(path, wanted);
      if (wanted === 0) await this.#disk.rm(path, { force: true });
    }
  }
}

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { FloatsPicture } from "../../core/job/job-events.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import type { AssembledPath } from "../ports.ts";

/** The assembled floats of a job that wait for somebody to take them. */
export class FloatsShelf {
  readonly #picturesOf: ReadonlyMap<number, readonly FloatsPicture[]>;
  /** How many frames that were not released show a picture, by path: scenes at rest and strips share them. */
  readonly #wanted = new Map<string, number>();
  readonly #here = new Set<number>();
  readonly #released = new Set<number>();

  constructor(plan: JobPlan, pathOf: AssembledPath) {
    const units = new Map(plan.units.map((unit) => [unit.key, unit]));
    const pictureOf = (key: string): FloatsPicture[] => {
      const unit = units.get(key);
      if (!unit || unit.kind !== "floats") return [];
      const { width, height, region } = unit;
      return [{ scene: unit.unit.scene, frame: unit.unit.frame, path: pathOf(unit.unit), width, height, region }];
    };
    this.#picturesOf = new Map(plan.outputs.map(({ frame, units: keys }) => [frame, keys.flatMap(pictureOf)]));
    for (const { path } of [...this.#picturesOf.values()].flat()) this.#wanted.set(path, (this.#wanted.get(path) ?? 0) + 1);
  }

  /** A frame is whole: its floats are here. */
  add(frame: number): void {
    this.#here.add(frame);
  }

  /** As `add`, for a frame of an earlier run; it may have been released then. */
  async recall(frame: number): Promise<void> {
    const isHere = this.#picturesOf.get(frame)?.every(({ path }) => existsSync(path));
    if (isHere) this.add(frame);
    else await this.release(frame);
  }

  get frames(): number[] {
    return [...this.#here].toSorted((a, b) => a - b);
  }

  /** All pictures that are here. */
  get all(): FloatsPicture[] {
    return this.frames.flatMap((frame) => this.pictures(frame));
  }

  /** What a frame is made of; nothing while it is not whole. */
  pictures(frame: number): readonly FloatsPicture[] {
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
      if (wanted === 0) await rm(path, { force: true });
    }
  }
}

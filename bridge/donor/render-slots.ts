import PQueue from "p-queue";
import type { ChunkSpec } from "../core/chunk.ts";
import { FarmError } from "../kernel/errors.ts";
import type { RenderedFiles, SceneOnDisk, WarmSession } from "./ports.ts";

export interface RenderSlotsDeps {
  /** Opens a Blender without a scene; `slot` names its scratch folder. */
  openSession(slot: number, signal: AbortSignal): Promise<WarmSession>;
}

/** What is done with a slot while it is held. */
export interface SlotUse<T> {
  /** Takes the files out of the slot's scratch folder. */
  take(files: RenderedFiles): Promise<T>;
  /** Told when the chunk's turn has come and its scene is loaded. */
  started?(): void;
}

interface Slot {
  readonly number: number;
  session: WarmSession | undefined;
  sceneKey: string | undefined;
  busy: boolean;
  usedAt: number;
}

/**
 * The places where chunks are rendered on this machine: so many at a time, each with a Blender that
 * stays warm for its scene. A chunk goes to a slot that already holds its scene when one is free.
 */
export class RenderSlots implements AsyncDisposable {
  readonly #deps: RenderSlotsDeps;
  readonly #queue: PQueue;
  readonly #slots: Slot[];
  readonly #closing = new AbortController();
  #turn = 0;

  constructor(deps: RenderSlotsDeps, options: { readonly slots: number }) {
    this.#deps = deps;
    this.#queue = new PQueue({ concurrency: options.slots });
    this.#slots = Array.from({ length: options.slots }, (_, number) => ({
      number,
      session: undefined,
      sceneKey: undefined,
      busy: false,
      usedAt: 0,
    }));
  }

  get size(): number {
    return this.#slots.length;
  }

  get busy(): number {
    return this.#slots.filter((slot) => slot.busy).length;
  }

  /**
   * Renders one chunk as soon as a slot is free. The files lie in the slot's scratch folder; the caller
   * takes them away in `use.take`, while the slot is held.
   */
  async run<T>(scene: SceneOnDisk, spec: ChunkSpec, use: SlotUse<T>, signal: AbortSignal): Promise<T> {
    return await this.#hold(scene, signal, async (session) => {
      signal.throwIfAborted();
      use.started?.();
      return await use.take(await session.render(spec, signal));
    });
  }

  /** Opens a scene in one slot before its first chunk comes. */
  async warmUp(scene: SceneOnDisk, signal: AbortSignal): Promise<void> {
    await this.#hold(scene, signal, async () => {});
  }

  /** Closes the sessions that hold this scene and are not at work. */
  async forget(sceneKey: string): Promise<void> {
    await Promise.all(this.#slots.filter((slot) => !slot.busy && slot.sceneKey === sceneKey).map((slot) => this.#cool(slot)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new FarmError("CANCELLED", "the render slots are closing"));
    this.#queue.clear();
    await Promise.all(this.#slots.map((slot) => this.#cool(slot)));
    await this.#queue.onIdle();
    await Promise.all(this.#slots.map((slot) => this.#cool(slot))); // a session that opened meanwhile
  }

  /**
   * Holds a slot with the scene open in it while `work` runs. The queue is not given the signal: it would count
   * an aborted chunk as gone while its Blender still stops.
   */
  async #hold<T>(scene: SceneOnDisk, signal: AbortSignal, work: (session: WarmSession) => Promise<T>): Promise<T> {
    return await this.#queue.add(async () => {
      signal.throwIfAborted();
      const slot = this.#pick(scene.key);
      slot.busy = true;
      slot.usedAt = this.#turn++;
      try {
        return await work(await this.#warm(slot, scene, signal));
      } finally {
        slot.busy = false;
      }
    });
  }

  #pick(sceneKey: string): Slot {
    const free = this.#slots.filter((slot) => !slot.busy);
    const best =
      free.find((slot) => slot.session && slot.sceneKey === sceneKey) ??
      free.find((slot) => !slot.session) ??
      free.toSorted((a, b) => a.usedAt - b.usedAt)[0];
    if (!best) throw new Error("a chunk was started without a free slot");
    return best;
  }

  async #warm(slot: Slot, scene: SceneOnDisk, signal: AbortSignal): Promise<WarmSession> {
    this.#closing.signal.throwIfAborted();
    if (slot.session && slot.sceneKey === scene.key) return slot.session;
    await this.#cool(slot);
    const session = await this.#deps.openSession(slot.number, signal);
    if (this.#closing.signal.aborted) {
      await session.close();
      throw this.#closing.signal.reason;
    }
    slot.session = session;
    void session.exited.then(() => {
      if (slot.session === session) slot.session = undefined;
    });
    await session.load(scene.path, { remap: scene.remap }, signal);
    slot.sceneKey = scene.key;
    return session;
  }

  async #cool(slot: Slot): Promise<void> {
    const session = slot.session;
    slot.session = undefined;
    slot.sceneKey = undefined;
    await session?.close();
  }
}

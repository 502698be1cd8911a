import PQueue from "p-queue";
import type { ChunkSpec } from "../core/plan/chunk.ts";
import { FarmError } from "../kernel/errors.ts";
import { TrackedTasks } from "../kernel/tracked-tasks.ts";
import type { ChunkFiles, SceneOnDisk, WarmSession } from "./ports.ts";

export interface RenderSlotsDeps {
  /** Opens a Blender that will load this scene; `slot` names its scratch folder. */
  openSession(slot: number, scene: SceneOnDisk, signal: AbortSignal): Promise<WarmSession>;
}

/** What is done with a slot while it is held. */
export interface SlotCallbacks<T> {
  /** Takes the files out of the slot's scratch folder. */
  take(files: ChunkFiles): Promise<T>;
  /** Told when the chunk's turn has come and its scene is loaded. */
  started?(): void;
  /** Higher comes first among those that wait; 0 when not said. */
  readonly priority?: number;
  /** By a Blender that has rendered nothing yet; false when not said. */
  readonly fresh?: boolean;
}

interface Slot {
  readonly number: number;
  session: WarmSession | undefined;
  sceneKey: string | undefined;
  /** The image of the environment that its Blender runs in; undefined for the usual one. */
  image: string | undefined;
  busy: boolean;
  usedAt: number;
  /** Sessions of an earlier generation are not used again. */
  generation: number;
}

/**
 * The places where chunks are rendered on this machine: so many at a time, each with a Blender that
 * stays warm for its scene. A chunk goes to a slot that already holds its scene when one is free.
 */
export class RenderSlots implements AsyncDisposable {
  readonly #deps: RenderSlotsDeps;
  readonly #queue: PQueue;
  readonly #slots: Slot[] = [];
  readonly #closing = new AbortController();
  readonly #cooling = new TrackedTasks();
  #turn = 0;
  #size = 0;
  #generation = 0;

  constructor(deps: RenderSlotsDeps, options: { readonly slots: number }) {
    this.#deps = deps;
    this.#queue = new PQueue({ concurrency: options.slots });
    this.resize(options.slots);
  }

  get size(): number {
    return this.#size;
  }

  /** So many chunks at a time from now on. What runs in a slot too many may end. */
  resize(slots: number): void {
    this.#size = slots;
    for (let number = this.#slots.length; number < slots; number++) {
      this.#slots.push({ number, session: undefined, sceneKey: undefined, image: undefined, busy: false, usedAt: 0, generation: 0 });
    }
    this.#queue.concurrency = slots; // what waits begins within this call
    this.#coolInBackground(({ number }) => number >= slots);
  }

  /** Chunks from now on get a Blender of their own again: what a session is opened with has changed. */
  renew(): void {
    this.#generation++;
    this.#coolInBackground(() => true);
  }

  /** Nothing new begins until `resume`; what runs is left alone. */
  pause(): void {
    this.#queue.pause();
  }

  resume(): void {
    this.#queue.start();
  }

  /** Chunks that could begin if there were more slots. */
  get waiting(): number {
    return this.#queue.isPaused ? 0 : this.#queue.size;
  }

  get busy(): number {
    return this.#slots.filter((slot) => slot.busy).length;
  }

  /**
   * Renders one chunk as soon as a slot is free. The files lie in the slot's scratch folder; the caller
   * takes them away in `use.take`, while the slot is held.
   */
  async run<T>(scene: SceneOnDisk, spec: ChunkSpec, use: SlotCallbacks<T>, signal: AbortSignal): Promise<T> {
    const render = async (session: WarmSession) => {
      signal.throwIfAborted();
      use.started?.();
      return await use.take(await session.render(spec, signal));
    };
    return await this.#hold(scene, { signal, priority: use.priority ?? 0, fresh: use.fresh ?? false }, render);
  }

  /** Opens a scene in one slot before its first chunk comes. */
  async warmUp(scene: SceneOnDisk, signal: AbortSignal): Promise<void> {
    await this.#hold(scene, { signal, priority: 0, fresh: false }, async () => {});
  }

  /** Closes the sessions that hold this scene and are not at work. */
  async forget(sceneKey: string): Promise<void> {
    await Promise.all(this.#slots.filter((slot) => !slot.busy && slot.sceneKey === sceneKey).map((slot) => this.#cool(slot)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new FarmError("CANCELLED", "the render slots are closing"));
    this.#queue.clear();
    this.#queue.start();
    await Promise.all(this.#slots.map((slot) => this.#cool(slot)));
    await this.#queue.onIdle();
    await Promise.all(this.#slots.map((slot) => this.#cool(slot))); // a session that opened meanwhile
    await this.#cooling.settle();
  }

  /**
   * Holds a slot with the scene open in it while `work` runs. The queue is not given the signal: it would count
   * an aborted chunk as gone while its Blender still stops. One that has not begun ends at once, whatever the queue does.
   */
  async #hold<T>(
    scene: SceneOnDisk,
    { signal, priority, fresh }: { readonly signal: AbortSignal; readonly priority: number; readonly fresh: boolean },
    work: (session: WarmSession) => Promise<T>,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = () => reject(signal.reason as Error);
    signal.addEventListener("abort", giveUp, { once: true });
    const turn = async () => {
      signal.removeEventListener("abort", giveUp);
      signal.throwIfAborted();
      const slot = this.#pick(scene);
      slot.busy = true;
      slot.usedAt = this.#turn++;
      try {
        if (fresh) await this.#cool(slot);
        return await work(await this.#warm(slot, scene, signal));
      } finally {
        slot.busy = false;
        if (slot.number >= this.#size) await this.#cool(slot);
      }
    };
    this.#queue.add(turn, { priority }).then(resolve, reject);
    return await promise;
  }

  #pick(scene: SceneOnDisk): Slot {
    const free = this.#slots.filter((slot) => !slot.busy && slot.number < this.#size);
    const best =
      free.find((slot) => slot.session && holds(slot, scene)) ??
      free.find((slot) => !slot.session) ??
      free.toSorted((a, b) => a.usedAt - b.usedAt)[0];
    if (!best) throw new Error("a chunk was started without a free slot");
    return best;
  }

  async #warm(slot: Slot, scene: SceneOnDisk, signal: AbortSignal): Promise<WarmSession> {
    this.#closing.signal.throwIfAborted();
    if (slot.session && holds(slot, scene) && slot.generation === this.#generation) return slot.session;
    await this.#cool(slot);
    const session = await this.#deps.openSession(slot.number, scene, signal);
    if (this.#closing.signal.aborted) {
      await session.close();
      throw this.#closing.signal.reason;
    }
    slot.session = session;
    slot.generation = this.#generation;
    void session.exited.then(() => {
      if (slot.session === session) slot.session = undefined;
    });
    await session.load(scene.path, { remap: scene.remap }, signal);
    slot.sceneKey = scene.key;
    slot.image = scene.environment?.image;
    return session;
  }

  #coolInBackground(which: (slot: Slot) => boolean): void {
    for (const slot of this.#slots) {
      if (slot.busy || !slot.session || !which(slot)) continue;
      void this.#cooling.add(this.#cool(slot));
    }
  }

  async #cool(slot: Slot): Promise<void> {
    const session = slot.session;
    slot.session = undefined;
    slot.sceneKey = undefined;
    await session?.close();
  }
}

/** The same scene in another environment is another session. */
function holds({ sceneKey, image }: Slot, { key, environment }: SceneOnDisk): boolean {
  return sceneKey === key && image === environment?.image;
}

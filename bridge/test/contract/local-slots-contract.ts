import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { LocalRendered, LocalScene, LocalSlots } from "../../requester/ports.ts";

/** A kind of render slots, and scenes for them. */
export interface SlotsKind extends AsyncDisposable {
  /** Opens so many slots, without warm sessions. */
  open(slots: number): OpenSlots;
  /** A valid scene that can be cut into tiles. */
  readonly scene: LocalScene;
  /** A file that is no scene. */
  readonly broken: LocalScene;
  read(path: string): Promise<Uint8Array>;
}

interface OpenSlots {
  readonly slots: LocalSlots & AsyncDisposable;
  /** Blenders that were opened so far. */
  opened(): number;
}

const never = new AbortController().signal;
const rect = { x: 0, y: 0, width: 32, height: 24 };

/** The contract of all LocalSlots; run on fake slots, and on those with a real Blender. */
export function localSlotsContract(name: string, make: () => Promise<SlotsKind>): void {
  describe(`${name} as LocalSlots`, () => {
    let kind: SlotsKind;
    const opened: OpenSlots[] = [];
    const open = (slots: number) => {
      const more = kind.open(slots);
      opened.push(more);
      return more;
    };
    beforeAll(async () => {
      kind = await make();
    });
    afterAll(() => kind[Symbol.asyncDispose]());
    afterEach(async () => {
      for (const { slots } of opened.splice(0)) await slots[Symbol.asyncDispose]();
    });

    renders(() => kind, open);
    takesTurns(() => kind, open);
    fails(() => kind, open);
  });
}

type Open = (slots: number) => OpenSlots;

const raw = (frame: number): ChunkSpec => ({ kind: "raw", scene: "Scene", frame, width: 64, height: 48, rect, denoise: "none" });

/** The files passed to `take`. */
const all = async (files: LocalRendered) => files;

function renders(kind: () => SlotsKind, open: Open): void {
  it("report their number", () => {
    expect(open(3).slots.size).toBe(3);
  });

  it("render a raw frame: report its start, then pass its file, which exists until it is taken", async () => {
    const told: string[] = [];
    const take = async ({ raw: path = "", outputs, renderSeconds, peakMemoryBytes }: LocalRendered) => {
      told.push("taken");
      expect(outputs).toEqual([]);
      expect(renderSeconds).toBeGreaterThanOrEqual(0);
      expect(peakMemoryBytes).toBeGreaterThan(0);
      return (await kind().read(path)).byteLength;
    };
    const bytes = await open(1).slots.run(kind().scene, raw(1), { take, started: () => told.push("started") }, never);
    expect(told).toEqual(["started", "taken"]);
    expect(bytes).toBeGreaterThan(0);
  });

  it("return final files for whole frames, with the requested names", async () => {
    const spec: ChunkSpec = {
      kind: "files",
      scene: "Scene",
      frame: 7,
      output: { name: "picture_###", format: "PNG", useExtension: true },
    };
    const names = await open(1).slots.run(kind().scene, spec, { take: async ({ outputs }) => outputs }, never);
    expect(names).toEqual([expect.stringMatching(/[/\\]picture_007\.png$/)]);
  });

  it("keep a Blender warm for its scene, and open another one for a fresh render", async () => {
    const { slots, opened } = open(1);
    for (const frame of [1, 2]) await slots.run(kind().scene, raw(frame), { take: all }, never);
    expect(opened()).toBe(1);
    await slots.run(kind().scene, raw(3), { take: all, fresh: true }, never);
    expect(opened()).toBe(2);
  });
}

function takesTurns(kind: () => SlotsKind, open: Open): void {
  it("run no more chunks at once than there are slots, from the render until the files are taken", async () => {
    const { slots } = open(1);
    const told: string[] = [];
    const use = (name: string) => ({
      started: () => void told.push(`${name} started`),
      take: async () => {
        told.push(`${name} taken`);
        await new Promise((resolve) => setImmediate(resolve));
        told.push(`${name} put away`);
      },
    });
    await Promise.all(["a", "b"].map((name) => slots.run(kind().scene, raw(1), use(name), never)));
    expect(told).toEqual(["a", "b"].flatMap((name) => ["started", "taken", "put away"].map((what) => `${name} ${what}`)));
  });

  it("run as many chunks at once as there are slots", async () => {
    const { slots } = open(2);
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const meet = async (me: number) => {
      both[me]?.resolve();
      await both[1 - me]?.promise; // would never happen one after the other
    };
    await Promise.all([0, 1].map((me) => slots.run(kind().scene, raw(1), { take: () => meet(me) }, never)));
  });

  it("abort a cancelled waiting chunk with its reason, and never start it", async () => {
    const { slots } = open(1);
    const reason = new Error("no longer");
    const cancel = new AbortController();
    let isStarted = false;
    const take = async () => {
      const waiting = slots.run(kind().scene, raw(2), { take: all, started: () => (isStarted = true) }, cancel.signal);
      cancel.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    };
    await slots.run(kind().scene, raw(1), { take }, never);
    await expect(slots.run(kind().scene, raw(1), { take: all }, AbortSignal.abort(reason))).rejects.toBe(reason);
    await slots.run(kind().scene, raw(1), { take: all }, never);
    expect(isStarted).toBe(false);
  });
}

function fails(kind: () => SlotsKind, open: Open): void {
  it("abort a cancelled render, and render the next chunk", async () => {
    const { slots } = open(1);
    const reason = new Error("no longer");
    const cancel = new AbortController();
    const use = { take: all, started: () => cancel.abort(reason) };
    await expect(slots.run(kind().scene, raw(1), use, cancel.signal)).rejects.toBe(reason);
    expect((await slots.run(kind().scene, raw(2), { take: all }, never)).raw).toBeDefined();
  });

  it("fail for a scene that cannot be read without starting it, and render the next one", async () => {
    const { slots } = open(1);
    let isStarted = false;
    const broken = slots.run(kind().broken, raw(1), { take: all, started: () => (isStarted = true) }, never);
    await expect(broken).rejects.toMatchObject({ code: "SCENE_UNREADABLE" });
    expect(isStarted).toBe(false);
    expect((await slots.run(kind().scene, raw(1), { take: all }, never)).raw).toBeDefined();
  });

  it("rethrow an error of taking the files, and keep their Blender", async () => {
    const { slots, opened } = open(1);
    const full = new Error("the disk is full");
    await expect(slots.run(kind().scene, raw(1), { take: () => Promise.reject(full) }, never)).rejects.toBe(full);
    await slots.run(kind().scene, raw(1), { take: all }, never);
    expect(opened()).toBe(1);
  });
}

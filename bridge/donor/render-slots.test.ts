import { describe, expect, it } from "vitest";
import type { SceneOnDisk, WarmSession } from "./ports.ts";
import { RenderSlots } from "./render-slots.ts";
import { spec } from "./fixtures/served.ts";

const scene: SceneOnDisk = { key: "s", path: "/s.blend", remap: {} };
const signal = new AbortController().signal;

const other: SceneOnDisk = { key: "o", path: "/o.blend", remap: {} };

/** Slots whose Blenders render at once, and end only when they are told to, or die when the test says so. */
function quickSlots(slots: number, load: WarmSession["load"] = async () => {}) {
  const opened: string[] = [];
  const closed: number[] = [];
  const deaths: (() => void)[] = [];
  const openSession = async (slot: number, { key }: SceneOnDisk): Promise<WarmSession> => {
    const session = opened.push(`${key} in ${slot}`) - 1;
    const exited = Promise.withResolvers<void>();
    deaths.push(exited.resolve);
    return {
      load,
      render: async () => ({ outputs: [], renderSeconds: 0, peakMemoryBytes: 0 }),
      exited: exited.promise,
      close: async () => void closed.push(session),
    };
  };
  const all = new RenderSlots({ openSession }, { slots });
  const run = (of: SceneOnDisk) => all.run(of, spec, { take: async () => of.key }, signal);
  return { all, run, opened, closed, deaths };
}

/** Slots whose Blenders render until the test lets them. */
function slotsOf(slots: number) {
  const begun: { readonly name: string; readonly session: number; end(): void }[] = [];
  const closed: number[] = [];
  let sessions = 0;
  const openSession = async (): Promise<WarmSession> => {
    const session = sessions++;
    return {
      load: async () => {},
      render: ({ scene: name }) =>
        new Promise(
          (resolve) => void begun.push({ name, session, end: () => resolve({ outputs: [], renderSeconds: 0, peakMemoryBytes: 0 }) }),
        ),
      exited: new Promise(() => {}),
      close: async () => void closed.push(session),
    };
  };
  const all = new RenderSlots({ openSession }, { slots });
  const run = (name: string, priority = 0) => all.run(scene, { ...spec, scene: name }, { take: async () => name, priority }, signal);
  const names = () => begun.map(({ name }) => name);
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  return { all, run, begun, names, closed, settle };
}

describe("render slots", () => {
  it("serve the highest requester tier first among waiting chunks", async () => {
    const { run, begun, names, settle } = slotsOf(1);
    const runs = [run("first"), run("stranger", 0), run("friend", 1), run("own", 2)];
    for (let turn = 0; turn < 4; turn++) {
      await settle();
      begun[turn]?.end();
    }
    await Promise.all(runs);
    expect(names()).toEqual(["first", "own", "friend", "stranger"]);
  });

  it("grow during work: a waiting chunk starts at once", async () => {
    const { all, run, names, settle } = slotsOf(1);
    void run("a");
    void run("b");
    await settle();
    expect(names()).toEqual(["a"]);
    all.resize(2);
    await settle();
    expect(names()).toEqual(["a", "b"]);
  });

  it("shrink without cancelling running chunks; surplus slots close when they are done", async () => {
    const { all, run, begun, names, closed, settle } = slotsOf(2);
    const [a, b] = [run("a"), run("b")];
    void run("c");
    await settle();
    all.resize(1);
    begun[1]?.end();
    expect(await b).toBe("b");
    await settle();
    expect(closed).toEqual([1]);
    expect(names()).toEqual(["a", "b"]);
    begun[0]?.end();
    await a;
    await settle();
    expect(names()).toEqual(["a", "b", "c"]);
  });

  it("open new Blenders after a renewal, once the running chunk is done", async () => {
    const { all, run, begun, closed, settle } = slotsOf(1);
    const a = run("a");
    await settle();
    all.renew();
    await settle();
    expect(closed).toEqual([]);
    begun[0]?.end();
    await a;
    void run("b");
    await settle();
    expect(closed).toEqual([0]);
    expect(begun[1]).toMatchObject({ name: "b", session: 1 });
  });

  it("give a fresh Blender on request, and keep that one warm", async () => {
    const { all, run, begun, closed, settle } = slotsOf(1);
    const rendered = async (name: string, fresh: boolean) => {
      const running = all.run(scene, { ...spec, scene: name }, { take: async () => name, fresh }, signal);
      await settle();
      begun.at(-1)?.end();
      await running;
    };
    await rendered("a", false);
    await rendered("b", true);
    await rendered("c", false);
    void run("d");
    await settle();
    expect(begun.map(({ session }) => session)).toEqual([0, 1, 1, 1]);
    expect(closed).toEqual([0]);
  });

  it("start nothing while they are paused, and all waiting chunks afterwards", async () => {
    const { all, run, names, settle } = slotsOf(1);
    all.pause();
    void run("a");
    await settle();
    expect(names()).toEqual([]);
    all.resume();
    await settle();
    expect(names()).toEqual(["a"]);
  });

  it("do not report waiting chunks while they are paused: more slots would not help", async () => {
    const { all, run, begun, settle } = slotsOf(1);
    void run("a");
    void run("b");
    await settle();
    expect([all.waiting, all.busy]).toEqual([1, 1]);
    all.pause();
    expect(all.waiting).toBe(0);
    begun[0]?.end();
    await settle();
    expect(all.busy).toBe(0);
  });

  it("drop a waiting chunk as soon as it is withdrawn, also while they are paused", async () => {
    const { all, names, settle } = slotsOf(1);
    const unwanted = new AbortController();
    all.pause();
    const waiting = all.run(scene, spec, { take: async () => {} }, unwanted.signal);
    unwanted.abort(new Error("taken back"));
    await expect(waiting).rejects.toThrow("taken back");
    all.resume();
    await settle();
    expect(names()).toEqual([]);
  });

  it("do not start a chunk that was withdrawn while its scene was opened, and keep the scene open", async () => {
    const unwanted = new AbortController();
    const { all, run, opened } = quickSlots(1, async () => unwanted.abort(new Error("taken back")));
    let begun = false;
    const use = { take: async () => {}, started: () => void (begun = true) };
    await expect(all.run(scene, spec, use, unwanted.signal)).rejects.toThrow("taken back");
    await run(scene);
    expect([begun, opened]).toEqual([false, ["s in 0"]]);
  });

  it("continue after a Blender that could not be opened", async () => {
    let tries = 0;
    const load = async () => {
      if (tries++ === 0) throw new Error("the scene is broken");
    };
    const { run, closed, all } = quickSlots(1, load);
    await expect(run(scene)).rejects.toThrow("the scene is broken");
    expect(all.busy).toBe(0);
    expect(await run(scene)).toBe("s");
    expect(closed).toEqual([0]); // what has not loaded its scene is not used for it
  });
});

describe("the Blender of a chunk", () => {
  it("is one with its scene open, else a new one, else the least recently used one", async () => {
    const { run, opened, closed } = quickSlots(2);
    await run(scene);
    await run(other);
    await run(scene);
    expect(opened).toEqual(["s in 0", "o in 1"]);
    await run({ ...scene, key: "third" });
    expect(opened.at(-1)).toBe("third in 1");
    expect(closed).toEqual([1]);
  });

  it("is another one when the same scene needs another environment", async () => {
    const { run, opened, closed } = quickSlots(1);
    const inside = (image: string) => ({ ...scene, environment: { image, blender: { path: "/b", version: "4.3.2", buildHash: "abc" } } });
    await run(inside("one"));
    await run(inside("one"));
    await run(inside("two"));
    await run(scene);
    expect([opened.length, closed]).toEqual([3, [0, 1]]);
  });

  it("is a new one when the last one has crashed", async () => {
    const { run, opened, closed, deaths } = quickSlots(1);
    await run(scene);
    deaths[0]?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await run(scene);
    expect(opened).toHaveLength(2);
    expect(closed).toEqual([]); // nobody closes what is gone
  });

  it("can be opened before its first chunk", async () => {
    const { all, run, opened } = quickSlots(1);
    await all.warmUp(scene, signal);
    expect(opened).toEqual(["s in 0"]);
    await run(scene);
    expect(opened).toHaveLength(1);
  });

  it("is closed when its scene is dropped, and others are not", async () => {
    const { all, run, opened, closed } = quickSlots(2);
    await run(scene);
    await run(other);
    await all.forget("s");
    expect(closed).toEqual([0]);
    await run(other);
    expect(opened).toHaveLength(2);
  });

  it("finishes its chunk when its scene is dropped", async () => {
    const { all, run, begun, closed, settle } = slotsOf(1);
    const running = run("a");
    await settle();
    await all.forget("s");
    expect(closed).toEqual([]);
    begun[0]?.end();
    expect(await running).toBe("a");
  });
});

describe("render slots that close", () => {
  it("close every Blender, and one that was just being opened, whose chunk is cancelled", async () => {
    const opening = Promise.withResolvers<void>();
    let loaded = false;
    const closed: string[] = [];
    const openSession = async (): Promise<WarmSession> => {
      await opening.promise;
      return {
        load: async () => void (loaded = true),
        render: () => Promise.reject(new Error("it must not render")),
        exited: new Promise(() => {}),
        close: async () => void closed.push("late"),
      };
    };
    const all = new RenderSlots({ openSession }, { slots: 1 });
    const running = all.run(scene, spec, { take: async () => {} }, signal);
    running.catch(() => {});
    const end = all[Symbol.asyncDispose]();
    opening.resolve();
    await end;
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    expect([closed, loaded]).toEqual([["late"], false]);
  });

  it("start no more chunks", async () => {
    const { all, run, opened, closed } = quickSlots(1);
    await run(scene);
    await all[Symbol.asyncDispose]();
    expect(closed).toEqual([0]);
    await expect(run(scene)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(opened).toHaveLength(1);
  });
});

import { describe, expect, it } from "vitest";
import type { SceneOnDisk, WarmSession } from "./ports.ts";
import { RenderSlots } from "./render-slots.ts";
import { spec } from "./fixtures/served.ts";

const scene: SceneOnDisk = { key: "s", path: "/s.blend", remap: {} };
const signal = new AbortController().signal;

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
});

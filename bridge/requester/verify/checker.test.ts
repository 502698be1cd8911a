import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Chunk, ChunkSpec, ResultFile } from "../../core/plan/chunk.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { float, makeExr } from "../../media/fixtures/make-exr.ts";
import { openMedia } from "../../media/worker/media-pool.ts";
import { Checker } from "./checker.ts";
import { JobFolder } from "../job-folder.ts";
import type { LocalSlots } from "../ports.ts";

const root = mkdtempSync(join(tmpdir(), "checker-"));
const folder = new JobFolder(systemWorld, root, "job");
const media = openMedia();
afterAll(async () => {
  await media.close();
  rmSync(root, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const SHA = "a".repeat(64);
const tile = { x: 64, y: 32, width: 128, height: 96 };
const chunk: Chunk = {
  id: "c",
  cost: 1,
  spec: { kind: "raw", scene: "Scene", frame: 1, width: 256, height: 128, rect: tile, denoise: "none" },
};
type Floats = Extract<ChunkSpec, { kind: "raw" }>;

/** What a render adds to the picture at a place. */
type Off = (x: number, y: number) => number;
const right: Off = () => 0;
const wrong: Off = () => 0.5;

function draw({ rect }: Floats, off: Off): Buffer {
  const at = (row: number, column: number) => [rect.x + column, rect.y + rect.height - 1 - row] as const;
  const bits = ({ row, column }: { row: number; column: number }) => {
    const [x, y] = at(row, column);
    return float(x + y / 1000 + off(x, y));
  };
  return makeExr({
    width: rect.width,
    height: rect.height,
    parts: [{ channels: ["B", "G", "R"].map((name) => ({ name: `L.Combined.${name}` })) }],
    bits,
  });
}

/** One of our renders, as the slots were asked for it. */
interface Asked {
  readonly whole: boolean;
  readonly fresh: boolean;
  readonly half: boolean;
}

/** A checker whose Blender renders what the test says, call by call. */
async function checking(
  render: (asked: Asked, call: number, signal: AbortSignal) => Off | Promise<Off>,
  { wholeLookMs, isByTheClock = false }: { readonly wholeLookMs?: number; readonly isByTheClock?: boolean } = {},
) {
  await folder.create();
  const asked: Asked[] = [];
  const events: JobEvent[] = [];
  const slots: LocalSlots = {
    size: 1,
    run: async (_scene, spec, use, end) => {
      if (spec.kind !== "raw") throw new Error("floats only");
      const one = { whole: spec.rect.width === tile.width, fresh: use.fresh === true, half: spec.half !== undefined };
      const off = await render(one, asked.length, end);
      asked.push(one);
      const raw = join(root, "slot.exr");
      writeFileSync(raw, draw(spec, off));
      return await use.take({ raw, outputs: [], renderSeconds: 1, peakMemoryBytes: 1 });
    },
  };
  const checker = new Checker(
    { world: systemWorld, slots, media, folder, observe: (event) => void events.push(event), log: silentLog },
    {
      scene: { key: "s", path: "/s.blend", remap: {} },
      secret: new Uint8Array(32).fill(7),
      overscanOf: () => 0,
      isByTheClock: () => isByTheClock,
      ...(wholeLookMs !== undefined && { wholeLookMs }),
    },
  );
  const verdictOn = async (theirs: Off, { sameClass = true, donor = "donor" } = {}) => {
    const file: ResultFile = { role: "raw", name: "floats.exr", sha256: SHA, bytes: 1 };
    writeFileSync(folder.resultPath(chunk.id, donor, SHA), draw(chunk.spec as Floats, theirs));
    return await checker.check(chunk, { donor, files: [file] }, sameClass, signal);
  };
  const notes = () => events.map((event) => (event.event === "note" ? event.code : event.event));
  return { verdictOn, asked, notes };
}

describe("a raw result", () => {
  afterEach(() => expect(readdirSync(folder.local)).toEqual([]));

  it("that is equal is checked by two crops in a warm Blender", async () => {
    const { verdictOn, asked, notes } = await checking(() => right);
    expect(await verdictOn(right)).toBe("equal");
    expect(asked).toEqual(Array.from({ length: 2 }, () => ({ whole: false, fresh: false, half: false })));
    expect(notes()).toEqual([]);
  });

  it("of a scene with a time limit is accepted unchecked, with one message", async () => {
    const { verdictOn, asked, notes } = await checking(() => right, { isByTheClock: true });
    expect([await verdictOn(wrong), await verdictOn(wrong)]).toEqual(["warned", "warned"]);
    expect([asked, notes()]).toEqual([[], ["checks-time-limit"]]);
  });

  it("is equal when a fresh Blender says so though a warm one does not; from then on fresh ones are used", async () => {
    const { verdictOn, asked, notes } = await checking(({ fresh }) => (fresh ? right : wrong));
    expect(await verdictOn(right)).toBe("equal");
    expect(asked.map(({ fresh }) => fresh)).toEqual([false, true, true]);
    expect(await verdictOn(right)).toBe("equal");
    expect(asked.slice(3).map(({ fresh }) => fresh)).toEqual([true, true]);
    expect(notes()).toEqual(["checks-warm-blender"]);
  });

  it("is no mismatch when our own renders differ from each other by as much", async () => {
    const noise =
      (seed: number): Off =>
      (x, y) =>
        (x * 7 + y * 13 + seed * 5) % 50 === 0 ? 0.2 : 0;
    const { verdictOn, notes } = await checking((_asked, call) => noise(call));
    expect(await verdictOn(noise(33))).toBe("warned");
    expect(notes()).toEqual(["checks-own-noise"]);
    expect(await verdictOn(noise(34))).toBe("warned");
    expect(notes()).toHaveLength(1);
  });

  it("is a mismatch when it differs by more than that", async () => {
    const noise =
      (seed: number): Off =>
      (x, y) =>
        (x * 7 + y * 13 + seed * 5) % 50 === 0 ? 0.2 : 0;
    const { verdictOn } = await checking((_asked, call) => noise(call));
    expect(await verdictOn(wrong)).toBe("different");
  });

  it("is equal when the whole tile is equal, although a crop is not", async () => {
    const { verdictOn, asked, notes } = await checking(({ whole }) => (whole ? right : wrong));
    expect(await verdictOn(right)).toBe("equal");
    expect(asked.map(({ whole, fresh }) => [whole, fresh])).toEqual([
      [false, false],
      [false, true],
      [true, true],
    ]);
    expect(notes()).toEqual(["checks-crop-is-not-tile"]);
  });

  it("is no mismatch when our own whole tiles differ from each other by as much", async () => {
    const spots =
      (seed: number): Off =>
      (x, y) =>
        (x + y * 64 + seed) % 97 === 0 ? 0.3 : 0;
    const { verdictOn, notes } = await checking(({ whole }, call) => (whole ? spots(call) : right));
    expect(await verdictOn((x, y) => spots(60)(x, y) + ((x + y) % 31 === 0 ? 0.3 : 0))).toBe("warned");
    expect(notes()).toEqual(["checks-own-noise"]);
  });

  it("is no mismatch when our own Blender renders a second tile wrongly, too", async () => {
    const garbage =
      (seed: number): Off =>
      (x, y) =>
        x % 5 === 0 && y > 60 ? 10 ** (20 + ((x + seed) % 9)) : 0;
    const { verdictOn, notes } = await checking(({ whole, fresh }) => (whole && !fresh ? garbage(1) : right));
    expect(await verdictOn(garbage(2))).toBe("warned");
    expect(notes()).toEqual(["checks-own-noise"]);
  });

  it("is a mismatch when it differs from all our renders; the donor's other results are then judged by crops", async () => {
    const { verdictOn, asked, notes } = await checking(() => right);
    expect(await verdictOn(wrong)).toBe("different");
    expect(asked.map(({ whole, fresh }) => [whole, fresh])).toEqual([
      [false, false],
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(await verdictOn(wrong)).toBe("different");
    expect(asked.slice(4)).toEqual([
      { whole: false, fresh: false, half: false },
      { whole: false, fresh: true, half: false },
    ]);
    expect(notes()).toEqual([]);
  });

  it("is judged by its crops when the whole tile takes too long", async () => {
    const never = (end: AbortSignal) =>
      new Promise<Off>((_resolve, reject) => end.addEventListener("abort", () => reject(end.reason as Error), { once: true }));
    const { verdictOn } = await checking(({ whole }, _call, end) => (whole ? never(end) : right), { wholeLookMs: 20 });
    expect(await verdictOn(wrong)).toBe("different");
  });

  it("of another class is checked with a fresh Blender, too, before it is a mismatch", async () => {
    const far: Off = (x, y) => 50 * Math.sin(x * y);
    const honest = await checking(({ fresh }) => (fresh ? right : far));
    expect(await honest.verdictOn(right, { sameClass: false })).toBe("equal");
    expect(honest.notes()).toEqual(["checks-warm-blender"]);
    const caught = await checking(() => right);
    expect(await caught.verdictOn(far, { sameClass: false })).toBe("different");
  });
});

const frame: Chunk = {
  id: "f",
  cost: 1,
  spec: { kind: "files", scene: "Scene", frame: 1, output: { name: "f_####", format: "BMP", useExtension: true } },
};

/** A checker of whole frames whose Blender writes these files, call by call. */
async function checkingFiles(write: (fresh: boolean, call: number) => Readonly<Record<string, string>>) {
  await folder.create();
  const asked: boolean[] = [];
  const events: JobEvent[] = [];
  const slots: LocalSlots = {
    size: 1,
    run: async (_scene, _spec, use) => {
      const files = write(use.fresh === true, asked.length);
      asked.push(use.fresh === true);
      const outputs = Object.entries(files).map(([name, text]) => {
        writeFileSync(join(root, name), text);
        return join(root, name);
      });
      return await use.take({ outputs, renderSeconds: 1, peakMemoryBytes: 1 });
    },
  };
  const checker = new Checker(
    { world: systemWorld, slots, media, folder, observe: (event) => void events.push(event), log: silentLog },
    { scene: { key: "s", path: "/s.blend", remap: {} }, secret: new Uint8Array(32), overscanOf: () => 0 },
  );
  const verdictOn = async (theirs: Readonly<Record<string, string>>, sameClass = true) => {
    const files = Object.entries(theirs).map(([name, text], at): ResultFile => {
      const sha256 = String(at).repeat(64);
      writeFileSync(folder.resultPath(frame.id, "donor", sha256), text);
      return { role: "output", name, sha256, bytes: text.length };
    });
    return await checker.check(frame, { donor: "donor", files }, sameClass, signal);
  };
  return { verdictOn, asked, events };
}

describe("a result of final files", () => {
  afterEach(() => expect(readdirSync(folder.local)).toEqual([]));

  it("that is equal by hash is checked by one render", async () => {
    const { verdictOn, asked } = await checkingFiles(() => ({ "f_0001.bmp": "picture", "z_0001.bmp": "depth" }));
    expect(await verdictOn({ "z_0001.bmp": "depth", "f_0001.bmp": "picture" })).toBe("equal");
    expect(asked).toEqual([false]);
  });

  it("is equal when a fresh Blender says so", async () => {
    const { verdictOn, asked } = await checkingFiles((fresh) => ({ "f_0001.bmp": fresh ? "picture" : "stale" }));
    expect(await verdictOn({ "f_0001.bmp": "picture" })).toBe("equal");
    expect(asked).toEqual([false, true]);
  });

  it("is accepted with a message when our own Blender does not render the same picture twice", async () => {
    const { verdictOn, events } = await checkingFiles((_fresh, call) => ({ "f_0001.bmp": `picture ${call}` }));
    expect(await verdictOn({ "f_0001.bmp": "another picture" })).toBe("warned");
    expect(events).toMatchObject([{ event: "note", code: "checks-own-noise" }]);
  });

  it("is a mismatch when two renders say so, or when files are missing", async () => {
    const { verdictOn } = await checkingFiles(() => ({ "f_0001.bmp": "picture" }));
    expect(await verdictOn({ "f_0001.bmp": "another" })).toBe("different");
    expect(await verdictOn({ "g_0001.bmp": "picture" })).toBe("different");
    expect(await verdictOn({})).toBe("different");
  });

  it("of another class is reported after one render", async () => {
    const { verdictOn, asked } = await checkingFiles(() => ({ "f_0001.bmp": "picture" }));
    expect(await verdictOn({ "f_0001.bmp": "another" }, false)).toBe("warned");
    expect(asked).toEqual([false]);
  });
});

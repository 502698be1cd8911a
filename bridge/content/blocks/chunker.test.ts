import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../kernel/ids.ts";
import { CHUNKER_SIZES, chunkFile, firstChunkLength, GEAR } from "./chunker.ts";

const MIB = 1024 * 1024;

/** Noise that is the same in every run. */
function noise(bytes: number, seed: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let state = seed | 1;
  for (let index = 0; index < bytes; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[index] = state >>> 11;
  }
  return out;
}

function cut(bytes: Uint8Array): { hash: string; bytes: number }[] {
  const blocks = [];
  for (let at = 0; at < bytes.length; ) {
    const length = firstChunkLength(bytes.subarray(at));
    blocks.push({ hash: sha256(bytes.subarray(at, at + length)), bytes: length });
    at += length;
  }
  return blocks;
}

/** Bytes of `after` that are not in blocks of `before`. */
function moved(before: Uint8Array, after: Uint8Array): number {
  const known = new Set(cut(before).map((block) => block.hash));
  return cut(after).reduce((sum, block) => sum + (known.has(block.hash) ? 0 : block.bytes), 0);
}

describe("the chunker", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "chunker-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("cuts the same bytes at the same offsets in every version: part of the bundle format", () => {
    expect(sha256(new Uint8Array(GEAR.buffer))).toMatchInlineSnapshot(`"316e3aaf9142a51ab230212ecd96e71b4ff23ea1fd3d3e56f43b6a8759b04d0c"`);
    expect(cut(noise(8 * MIB, 7)).map((block) => block.bytes)).toMatchInlineSnapshot(`
      [
        1388914,
        1205389,
        1209022,
        1354403,
        1208012,
        1148849,
        874019,
      ]
    `);
  });

  it("keeps blocks between the limits, about 1 MiB on average", () => {
    const blocks = cut(noise(48 * MIB, 3));
    const inner = blocks.slice(0, -1);
    for (const block of inner) {
      expect(block.bytes).toBeGreaterThanOrEqual(CHUNKER_SIZES.minBytes);
      expect(block.bytes).toBeLessThanOrEqual(CHUNKER_SIZES.maxBytes);
    }
    const average = (48 * MIB) / blocks.length;
    expect(average).toBeGreaterThan(0.7 * MIB);
    expect(average).toBeLessThan(1.6 * MIB);
  });

  it("makes one block of a small file, and blocks of full size of zeros", () => {
    expect(cut(noise(256 * 1024, 1))).toHaveLength(1);
    expect(cut(new Uint8Array(9 * MIB)).map((block) => block.bytes / MIB)).toEqual([4, 4, 1]);
  });

  const before = noise(24 * MIB, 11);
  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["a byte changed in the middle", (bytes) => bytes.with(12 * MIB, (bytes[12 * MIB] as number) ^ 1)],
    ["a byte put in near the start", (bytes) => concat(bytes.subarray(0, 1000), noise(1, 5), bytes.subarray(1000))],
    ["a thousand bytes taken out", (bytes) => concat(bytes.subarray(0, 9 * MIB), bytes.subarray(9 * MIB + 1000))],
    ["some bytes added at the end", (bytes) => concat(bytes, noise(5000, 9))],
  ])("keeps most blocks after %s", (_what, change) => {
    expect(moved(before, change(before))).toBeLessThanOrEqual(6 * MIB);
  });

  it("cuts a file as it cuts the same bytes in memory", async () => {
    const bytes = noise(13 * MIB + 17, 21);
    const path = join(folder, "file");
    await writeFile(path, bytes);
    await using file = await open(path, "r");
    let reported = 0;
    const blocks = await chunkFile(file, new AbortController().signal, (count) => (reported += count));
    expect(blocks.map((block) => ({ hash: block.sha256, bytes: block.bytes }))).toEqual(cut(bytes));
    expect(reported).toBe(bytes.length);
    expect(blocks.at(-1)!.offset + blocks.at(-1)!.bytes).toBe(bytes.length);
  });

  it("makes no block of an empty file", async () => {
    const path = join(folder, "empty");
    await writeFile(path, "");
    await using file = await open(path, "r");
    expect(await chunkFile(file, new AbortController().signal)).toEqual([]);
  });

  it("stops on abort and never holds the event loop for long", async () => {
    const path = join(folder, "big");
    await writeFile(path, randomBytes(32 * MIB));
    await using file = await open(path, "r");
    await chunkFile(file, new AbortController().signal);
    // CPU time of its own between two turns of the loop, without other processes: 5 ms of 60, measured alone.
    const turns: number[] = [];
    let before = process.threadCpuUsage();
    const look = () => {
      const { user, system } = process.threadCpuUsage(before);
      before = process.threadCpuUsage();
      turns.push(user + system);
      turn = setImmediate(look);
    };
    let turn = setImmediate(look);
    await chunkFile(file, new AbortController().signal);
    clearImmediate(turn);
    expect(Math.max(...turns) / turns.reduce((sum, each) => sum + each, 0)).toBeLessThan(0.25);
    const stop = new AbortController();
    await expect(chunkFile(file, stop.signal, () => stop.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

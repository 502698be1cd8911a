import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { sha256 } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import { type BlockStore, openBlockStore } from "./block-store.ts";

const KIB = 1024;
const signal = new AbortController().signal;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "store-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function openStore(capBytes = 1024 * KIB): Promise<BlockStore> {
  return openBlockStore({ directory, capBytes }, { clock: systemClock, log: silentLog });
}

function block(bytes = 100 * KIB): { hash: string; content: Uint8Array } {
  const content = new Uint8Array(randomBytes(bytes));
  return { hash: sha256(content), content };
}

async function filled(store: BlockStore, count: number): Promise<{ hash: string; content: Uint8Array }[]> {
  const blocks = Array.from({ length: count }, () => block());
  for (const { hash, content } of blocks) await store.put(hash, content);
  return blocks;
}

describe("the block store", () => {
  it("returns stored blocks, whole and by range, also after it is reopened", async () => {
    const store = await openStore();
    const { hash, content } = block();
    expect(store.has(hash)).toBe(false);
    await store.put(hash, content);
    const again = await openStore();
    expect(again.has(hash)).toBe(true);
    expect(await again.sizeOf(hash)).toBe(content.length);
    expect(await again.get(hash, signal)).toEqual(content);
    expect(await again.read(hash, 1000, 500, signal)).toEqual(content.subarray(1000, 1500));
    expect(again.list()).toEqual([{ hash, bytes: content.length }]);
    expect(await readFile(again.pathOf(hash)!)).toEqual(Buffer.from(content));
  });

  it("refuses bytes that do not match the hash, and names that are no hashes", async () => {
    const store = await openStore();
    const { hash, content } = block();
    await expect(store.put(hash, content.subarray(1))).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    await expect(store.put("../../etc/passwd", content)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect(store.usedBytes).toBe(0);
    await expect(store.get(hash, signal)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
  });

  it("writes a block once, however many callers put it at once", async () => {
    const store = await openStore();
    const { hash, content } = block();
    await Promise.all(Array.from({ length: 8 }, () => store.put(hash, content)));
    expect(store.usedBytes).toBe(content.length);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  it("evicts the least recently used block over the cap", async () => {
    const store = await openStore(350 * KIB);
    const [a, b, c] = await filled(store, 3);
    await store.get(a!.hash, signal);
    await filled(store, 1);
    expect([a, b, c].map((entry) => store.has(entry!.hash))).toEqual([true, false, true]);
    expect(store.usedBytes).toBe(300 * KIB);
  });

  it("never evicts pinned blocks, and fails with DISK_FULL when nothing else is left", async () => {
    const store = await openStore(250 * KIB);
    const [a, b] = await filled(store, 2);
    const jobs = [store.pin([a!.hash, b!.hash]), store.pin([a!.hash])];
    const { hash, content } = block();
    await expect(store.put(hash, content)).rejects.toMatchObject({ code: "DISK_FULL" });
    jobs[0]![Symbol.dispose]();
    jobs[0]![Symbol.dispose]();
    await store.put(hash, content);
    expect([a!.hash, b!.hash, hash].map((name) => store.has(name))).toEqual([true, false, true]);
    await expect(store.put(block(200 * KIB).hash, content)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    const large = block(240 * KIB);
    await expect(store.put(large.hash, large.content)).rejects.toMatchObject({ code: "DISK_FULL" });
  });

  it("holds the cap under many puts at once", async () => {
    const store = await openStore(350 * KIB);
    await Promise.all(Array.from({ length: 12 }, () => block()).map(({ hash, content }) => store.put(hash, content)));
    expect(store.usedBytes).toBeLessThanOrEqual(350 * KIB);
    const names = (
      await Promise.all((await readdir(join(directory, "blocks"))).map((name) => readdir(join(directory, "blocks", name))))
    ).flat();
    expect(names.sort()).toEqual(
      store
        .list()
        .map((entry) => entry.hash)
        .sort(),
    );
  });

  it("forgets a block that was corrupted on the disk", async () => {
    const store = await openStore();
    const { hash, content } = block();
    await store.put(hash, content);
    await writeFile(store.pathOf(hash)!, content.with(5, content[5]! ^ 1));
    await expect(store.get(hash, signal)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    expect(store.has(hash)).toBe(false);
    await store.put(hash, content);
    expect(await store.get(hash, signal)).toEqual(content);
  });

  it("moves a finished file in under its hash, and refuses one with another hash", async () => {
    const store = await openStore();
    const { hash, content } = block(300 * KIB);
    const path = join(directory, "result.exr");
    await writeFile(path, content);
    await expect(store.putFile(path, { hash: "0".repeat(64) }, signal)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    await expect(store.putFile(path, { bytes: 5 }, signal)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect(await store.putFile(path, { hash, bytes: content.length }, signal)).toEqual({ hash, bytes: content.length });
    await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await store.read(hash, 200 * KIB, 100 * KIB, signal)).toEqual(content.subarray(200 * KIB));
  });

  it("survives kill -9 during a write: whole blocks only, no temporary files", async () => {
    const writer = spawn(process.execPath, [join(import.meta.dirname, "..", "fixtures", "store-writer-worker.ts"), directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await firstBlocks(writer, 20);
    writer.kill("SIGKILL");
    await new Promise((resolve) => writer.once("exit", resolve));
    const store = await openStore(2 ** 40);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
    expect(store.list().length).toBeGreaterThanOrEqual(20);
    for (const { hash } of store.list()) await store.get(hash, signal);
  });
});

/** Resolves after so many lines of its output. */
function firstBlocks(writer: ChildProcess, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let lines = 0;
    writer.stdout!.on("data", (text: Buffer) => {
      lines += text.toString().split("\n").length - 1;
      if (lines >= count) resolve();
    });
    writer.once("exit", () => reject(new Error("the writer ended")));
  });
}

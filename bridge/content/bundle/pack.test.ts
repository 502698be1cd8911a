import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { sha256 } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import type { SceneFile } from "../../core/job/scene-facts.ts";
import { openBlockStore } from "../blocks/block-store.ts";
import { blocksOf, encodeManifest, parseManifest } from "./manifest.ts";
import { extractBundle } from "./extract-bundle.ts";
import { packBundle, type PackedBundle } from "./pack.ts";

const MIB = 1024 * 1024;
const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pack-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes a scene and its files, last changed a while ago. */
async function scene(contents: Record<string, Uint8Array | string>): Promise<SceneFile[]> {
  const past = new Date(Date.now() - 60_000);
  const files: SceneFile[] = [];
  for (const [name, content] of Object.entries(contents)) {
    const path = join(folder, "project", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await utimes(path, past, past);
    files.push({ path, kind: name.endsWith(".blend") && files.length === 0 ? "blend" : "image", missing: false });
  }
  return files;
}

async function copyToStore(packed: PackedBundle) {
  const store = await openBlockStore({ directory: join(folder, "store"), capBytes: 200 * MIB }, { clock: systemClock, log: silentLog });
  for (const { sha256: hash, bytes } of blocksOf(packed.manifest)) await store.put(hash, await packed.source.read(hash, 0, bytes, signal));
  return store;
}

describe("packing", () => {
  it("packs and extracts a scene unchanged", async () => {
    const contents = {
      "scenes/ш s.blend": randomBytes(9 * MIB),
      "tex/木.png": randomBytes(1000),
      "tex/empty.txt": "",
      "lib/big.vdb": randomBytes(5 * MIB),
      "aux/CON.png": "x",
    };
    const files = await scene(contents);
    const packed = await packBundle(files, {}, signal);
    expect(packed.manifest.scene).toBe("scenes/ш s.blend");
    expect(sha256(packed.manifestBytes)).toBe(packed.manifestHash);
    expect(await packed.source.read(packed.manifestHash, 0, packed.manifestBytes.length, signal)).toEqual(packed.manifestBytes);
    const store = await copyToStore(packed);
    const out = await extractBundle({ manifest: parseManifest(packed.manifestBytes), store, directory: join(folder, "out") }, signal);
    expect(out.scenePath).toBe(join(folder, "out", "scenes", "ш s.blend"));
    for (const [name, content] of Object.entries(contents)) {
      const path = join(folder, "out", name === "aux/CON.png" ? "_aux/_CON.png" : name);
      expect({ name, order: Buffer.compare(await readFile(path), Buffer.from(content)) }).toEqual({ name, order: 0 });
    }
    expect(out.remap[join(folder, "project")]).toBe(join(folder, "out"));
    expect(out.remap[join(folder, "out", "aux")]).toBe(join(folder, "out", "_aux"));
  });

  it("makes the same manifest of the same scene", async () => {
    const files = await scene({ "s.blend": "BLENDER", "a.png": "a", "b.png": "b" });
    const first = await packBundle(files, {}, signal);
    const second = await packBundle([files[0]!, files[2]!, files[1]!], {}, signal);
    expect(second.manifestHash).toBe(first.manifestHash);
  });

  it("lists paths that are missing, unreadable or no files, and continues", async () => {
    const files = await scene({ "s.blend": "BLENDER" });
    const gone = join(folder, "project", "gone.png");
    const loop = join(folder, "project", "loop.png");
    await symlink(loop, loop);
    const packed = await packBundle(
      [
        ...files,
        { path: gone, kind: "image", missing: false },
        { path: join(folder, "project"), kind: "cache", missing: false },
        { path: loop, kind: "image", missing: false },
        { path: "/x/y", kind: "font", missing: true },
      ],
      {},
      signal,
    );
    expect(packed.missing).toEqual(["/x/y", join(folder, "project"), gone, loop].sort());
    expect(packed.manifest.files).toHaveLength(1);
  });

  it("fails with SCENE_NOT_FOUND when the scene itself is missing", async () => {
    await expect(packBundle([{ path: join(folder, "s.blend"), kind: "blend", missing: false }], {}, signal)).rejects.toMatchObject({
      code: "SCENE_NOT_FOUND",
    });
  });

  it("a block of a file that changed, shrank or went away is SCENE_CHANGED", async () => {
    const files = await scene({ "s.blend": randomBytes(3 * MIB) });
    const packed = await packBundle(files, {}, signal);
    const last = packed.manifest.files[0]!.blocks.at(-1)!;
    const read = () => packed.source.read(last.sha256, 0, last.bytes, signal);
    const content = await readFile(files[0]!.path);
    await writeFile(files[0]!.path, content.with(content.length - 1, content.at(-1)! ^ 1));
    await expect(read()).rejects.toMatchObject({ code: "SCENE_CHANGED" });
    await writeFile(files[0]!.path, content.subarray(0, 100));
    await expect(read()).rejects.toMatchObject({ code: "SCENE_CHANGED" });
    await rm(files[0]!.path);
    await expect(read()).rejects.toMatchObject({ code: "SCENE_CHANGED" });
    await writeFile(files[0]!.path, content);
    expect((await read()).length).toBe(last.bytes);
    await expect(packed.source.read("0".repeat(64), 0, 1, signal)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
  });

  it("a changed texture changes only its own blocks", async () => {
    const files = await scene({ "s.blend": randomBytes(6 * MIB), "a.png": randomBytes(2 * MIB), "b.png": randomBytes(2 * MIB) });
    const before = new Set(blocksOf((await packBundle(files, {}, signal)).manifest).map((block) => block.sha256));
    await writeFile(files[1]!.path, randomBytes(2 * MIB));
    const after = await packBundle(files, {}, signal);
    const fresh = blocksOf(after.manifest).filter((block) => !before.has(block.sha256));
    expect(fresh.reduce((sum, block) => sum + block.bytes, 0)).toBe(2 * MIB);
  });

  describe("with a cache", () => {
    const cacheDir = () => join(folder, "cache");

    it("reads a file again only when it changed", async () => {
      const files = await scene({ "s.blend": randomBytes(2 * MIB), "a.png": randomBytes(1 * MIB) });
      const first = await packBundle(files, { cacheDir: cacheDir() }, signal);
      const [entry] = await readdir(cacheDir());
      expect(await readdir(cacheDir())).toHaveLength(2);
      const forged = JSON.parse(await readFile(join(cacheDir(), entry!), "utf8"));
      forged.blocks[0].sha256 = "f".repeat(64);
      await writeFile(join(cacheDir(), entry!), JSON.stringify(forged));
      const second = await packBundle(files, { cacheDir: cacheDir() }, signal);
      expect(second.manifest.files.some((file) => file.blocks[0]?.sha256 === "f".repeat(64))).toBe(true);
      for (const file of files) await utimes(file.path, new Date(Date.now() - 30_000), new Date(Date.now() - 30_000));
      expect((await packBundle(files, { cacheDir: cacheDir() }, signal)).manifestHash).toBe(first.manifestHash);
    });

    it("ignores broken entries and a folder it cannot write", async () => {
      const files = await scene({ "s.blend": randomBytes(1000) });
      const good = await packBundle(files, { cacheDir: cacheDir() }, signal);
      for (const junk of [
        "",
        "{",
        "[]",
        '{"version":1}',
        JSON.stringify({ version: 1, path: files[0]!.path, bytes: 1000, mtimeNs: "1", ino: "1", blocks: [{ sha256: "x", bytes: 1000 }] }),
      ]) {
        for (const name of await readdir(cacheDir())) await writeFile(join(cacheDir(), name), junk);
        expect((await packBundle(files, { cacheDir: cacheDir() }, signal)).manifestHash).toBe(good.manifestHash);
      }
      await writeFile(join(folder, "file"), "");
      expect((await packBundle(files, { cacheDir: join(folder, "file", "x") }, signal)).manifestHash).toBe(good.manifestHash);
    });

    it("hashes a file again that was changed a moment ago", async () => {
      const files = await scene({ "s.blend": "BLENDER" });
      await utimes(files[0]!.path, new Date(), new Date());
      await packBundle(files, { cacheDir: cacheDir() }, signal);
      await expect(readdir(cacheDir())).rejects.toMatchObject({ code: "ENOENT" });
    });
  });

  it("reports progress to the end and stops on abort", async () => {
    const files = await scene({ "s.blend": randomBytes(5 * MIB), "a.png": randomBytes(MIB) });
    const seen: number[] = [];
    await packBundle(files, {}, signal, ({ bytesDone, bytesTotal }) => seen.push(bytesDone / bytesTotal));
    expect(seen.at(-1)).toBe(1);
    const stop = new AbortController();
    await expect(packBundle(files, {}, stop.signal, () => stop.abort(new Error("enough")))).rejects.toThrow("enough");
  });

  it("encodes what it packed in canonical form", async () => {
    const packed = await packBundle(await scene({ "z.blend": "B", "A.png": "1", "a/b.png": "2" }), {}, signal);
    expect(encodeManifest(packed.manifest)).toEqual(packed.manifestBytes);
    expect(parseManifest(packed.manifestBytes)).toEqual(packed.manifest);
  });
});

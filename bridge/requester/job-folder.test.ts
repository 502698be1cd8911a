import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Disk, systemDisk } from "../kernel/disk.ts";
import { OUTPUT_WAITS } from "../kernel/files/output-failure.ts";
import { steppedWorld } from "../test/fakes/stepped-world.ts";
import { JobFolder } from "./job-folder.ts";

const HASH = "a".repeat(64);
const OTHER = "b".repeat(64);

let root: string;
let folder: JobFolder;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "job-folder-"));
  folder = folderOn();
  await folder.create();
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The job's folder on the real disk, some calls of which are others. */
function folderOn(changes: Partial<Disk> = {}, world = steppedWorld().world): JobFolder {
  return new JobFolder({ ...world, disk: { ...systemDisk, ...changes } }, root, "job");
}

async function put(path: string, content = "bytes"): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const isThere = async (path: string) =>
  await stat(path).then(
    () => true,
    () => false,
  );
const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

describe("the folder of a job", () => {
  it("has a place for all that it makes, below its own name", async () => {
    expect(await readdir(folder.root)).toEqual(["assembled", "local", "results", "tiles"]);
    expect(folder.root).toBe(join(root, "job"));
  });

  it("of a job that goes on keeps results and frames, and loses what a killed run had under way", async () => {
    const kept = [folder.resultPath("c1", "d", HASH), join(folder.assembled, "f.exr"), join(folder.scene, "s.blend")];
    const lost = [join(folder.local, "1"), folder.tilePath("t.exr")];
    for (const path of [...kept, ...lost]) await put(path);
    await folder.create();
    expect(await Promise.all(kept.map(isThere))).toEqual([true, true, true]);
    expect(await Promise.all(lost.map(isThere))).toEqual([false, false]);
    expect(await readdir(folder.local)).toEqual([]);
  });

  it("of an ended job keeps its assembled frames alone, as long as somebody may take them", async () => {
    const frame = await put(join(folder.assembled, "f.exr"));
    for (const path of [folder.resultPath("c1", "d", HASH), join(folder.scene, "s.blend"), folder.tilePath("t"), join(folder.local, "1")])
      await put(path);
    await folder.keepRaw();
    expect(await readdir(folder.root)).toEqual(["assembled"]);
    expect(await isThere(frame)).toBe(true);
  });

  it("goes with all that is in it, and nothing beside it does", async () => {
    const neighbour = await put(join(root, "job-2", "f.exr"));
    await put(join(folder.assembled, "f.exr"));
    await folder.dispose();
    await folder.dispose();
    expect([await isThere(folder.root), await isThere(neighbour)]).toEqual([false, true]);
  });
});

describe("a result", () => {
  it("has a file of its own, whoever else delivers the same, whatever chunk and donor are called", () => {
    const paths = [
      folder.resultPath("c1", "d", HASH),
      folder.resultPath("c1", "d", OTHER),
      folder.resultPath("c2", "d", HASH),
      folder.resultPath("c1", "e", HASH),
      folder.resultPath("c1d", "", HASH),
      folder.resultPath("../../etc", "d", HASH),
    ];
    expect(new Set(paths).size).toBe(paths.length);
    expect(new Set(paths.map(dirname))).toEqual(new Set([join(folder.root, "results")]));
    expect(folder.resultPath("c1", "d", HASH)).toBe(paths[0]);
  });

  it("that nobody accepted goes when the job goes on", async () => {
    const [kept, swept] = [folder.resultPath("c1", "d", HASH), folder.resultPath("c2", "d", HASH)];
    for (const path of [kept, swept]) await put(path);
    await folder.sweepResults(new Set([kept]));
    expect([await isThere(kept), await isThere(swept)]).toEqual([true, false]);
  });
});

describe("a file", () => {
  it("has a size where it is one", async () => {
    expect(await folder.sizeOf(await put(folder.tilePath("t"), "1234"))).toBe(4);
    expect(await folder.sizeOf(folder.tilePath("nothing"))).toBeUndefined();
    expect(await folder.sizeOf(folder.tiles)).toBeUndefined();
  });

  it("is on the disk when it is synced, and one that is not there cannot be", async () => {
    const synced: string[] = [];
    const open: Disk["open"] = async (path, ...rest) => {
      const file = await systemDisk.open(path, ...rest);
      return Object.assign(Object.create(file) as typeof file, {
        sync: async () => void synced.push(path),
        [Symbol.asyncDispose]: () => file.close(),
      });
    };
    const path = await put(folder.tilePath("t"));
    await folderOn({ open }).sync(path);
    expect(synced).toEqual([path]);
    await expect(folder.sync(folder.tilePath("nothing"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("may be removed twice", async () => {
    const path = await put(folder.tilePath("t"));
    await folder.remove([path, folder.tilePath("nothing"), path]);
    expect(await isThere(path)).toBe(false);
  });
});

describe("a picture that is delivered", () => {
  it("lies there whole, in folders that are made for it, and stays here", async () => {
    const from = await put(folder.resultPath("c1", "d", HASH), "a picture");
    const to = join(root, "out", "deep", "f_0001.png");
    expect(await folder.deliver(from, to)).toEqual({ path: to, bytes: 9, main: true });
    expect(await readFile(to, "utf8")).toBe("a picture");
    expect(await readdir(dirname(to))).toEqual(["f_0001.png"]);
    expect(await isThere(from)).toBe(true);
  });

  it("takes the place of one that was there, and never half of it", async () => {
    const from = await put(folder.resultPath("c1", "d", HASH), "new");
    const to = await put(join(root, "out", "f.png"), "old");
    let seen = "";
    const rename: Disk["rename"] = async (before, after) => {
      seen = await readFile(to, "utf8");
      await systemDisk.rename(before, after);
    };
    await folderOn({ rename }).deliver(from, to);
    expect([seen, await readFile(to, "utf8")]).toEqual(["old", "new"]);
  });

  it.each([
    ["ENOSPC", "DISK_FULL"],
    ["EACCES", "OUTPUT_NOT_WRITABLE"],
  ])("that cannot be (%s) is told as such, the old one stays, and nothing lies beside it", async (system, code) => {
    const from = await put(folder.resultPath("c1", "d", HASH), "new");
    const to = await put(join(root, "out", "f.png"), "old");
    await expect(folderOn({ rename: failing(system) }).deliver(from, to)).rejects.toMatchObject({ code });
    expect(await readFile(to, "utf8")).toBe("old");
    expect(await readdir(dirname(to))).toEqual(["f.png"]);
  });

  it("to a folder that never answers is given up by the world's time", async () => {
    const { world, pass } = steppedWorld();
    const from = await put(folder.resultPath("c1", "d", HASH));
    const copyFile = () => new Promise<never>(() => {});
    const delivering = folderOn({ copyFile }, world)
      .deliver(from, join(root, "out", "f.png"))
      .catch((error: unknown) => error);
    await pass(OUTPUT_WAITS.deliverMs / 1_000 + 5);
    expect(await delivering).toMatchObject({ code: "OUTPUT_NOT_WRITABLE", facts: { unanswered: true } });
  });
});

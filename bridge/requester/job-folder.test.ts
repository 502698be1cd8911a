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
  it("has a folder for each kind of file, below the job's id", async () => {
    expect(await readdir(folder.root)).toEqual(["assembled", "local", "results", "tiles"]);
    expect(folder.root).toBe(join(root, "job"));
  });

  it("of a resumed job keeps results and frames, and drops a killed run's unfinished files", async () => {
    const kept = [folder.resultPath("c1", "d", HASH), join(folder.assembled, "f.exr"), join(folder.scene, "s.blend")];
    const lost = [join(folder.local, "1"), folder.tilePath("t.exr")];
    for (const path of [...kept, ...lost]) await put(path);
    await folder.create();
    expect(await Promise.all(kept.map(isThere))).toEqual([true, true, true]);
    expect(await Promise.all(lost.map(isThere))).toEqual([false, false]);
    expect(await readdir(folder.local)).toEqual([]);
  });

  it("of an ended job keeps only its raw frames, as long as they wait for pickup", async () => {
    const frame = await put(join(folder.assembled, "f.exr"));
    for (const path of [folder.resultPath("c1", "d", HASH), join(folder.scene, "s.blend"), folder.tilePath("t"), join(folder.local, "1")])
      await put(path);
    await folder.keepRaw();
    expect(await readdir(folder.root)).toEqual(["assembled"]);
    expect(await isThere(frame)).toBe(true);
  });

  it("is removed with its contents, and nothing else is", async () => {
    const neighbour = await put(join(root, "job-2", "f.exr"));
    await put(join(folder.assembled, "f.exr"));
    await folder.dispose();
    await folder.dispose();
    expect([await isThere(folder.root), await isThere(neighbour)]).toEqual([false, true]);
  });
});

describe("a result", () => {
  it("has its own file for each donor, also with equal content, and for any id of chunk and donor", () => {
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

  it("that was not accepted is removed when the job is resumed", async () => {
    const [kept, swept] = [folder.resultPath("c1", "d", HASH), folder.resultPath("c2", "d", HASH)];
    for (const path of [kept, swept]) await put(path);
    await folder.sweepResults(new Set([kept]));
    expect([await isThere(kept), await isThere(swept)]).toEqual([true, false]);
  });
});

describe("a file", () => {
  it("has a size if it exists", async () => {
    expect(await folder.sizeOf(await put(folder.tilePath("t"), "1234"))).toBe(4);
    expect(await folder.sizeOf(folder.tilePath("nothing"))).toBeUndefined();
    expect(await folder.sizeOf(folder.tiles)).toBeUndefined();
  });

  it("can be synced to the disk, but not if it is missing", async () => {
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

describe("a delivered picture", () => {
  it("is copied whole, into folders that are made for it, and its source stays", async () => {
    const from = await put(folder.resultPath("c1", "d", HASH), "a picture");
    const to = join(root, "out", "deep", "f_0001.png");
    expect(await folder.deliver(from, to)).toEqual({ path: to, bytes: 9, main: true });
    expect(await readFile(to, "utf8")).toBe("a picture");
    expect(await readdir(dirname(to))).toEqual(["f_0001.png"]);
    expect(await isThere(from)).toBe(true);
  });

  it("replaces an existing one, never with a partial file", async () => {
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
  ])("that cannot be written (%s) is an error; the old file stays, without temporary files", async (system, code) => {
    const from = await put(folder.resultPath("c1", "d", HASH), "new");
    const to = await put(join(root, "out", "f.png"), "old");
    await expect(folderOn({ rename: failing(system) }).deliver(from, to)).rejects.toMatchObject({ code });
    expect(await readFile(to, "utf8")).toBe("old");
    expect(await readdir(dirname(to))).toEqual(["f.png"]);
  });

  it("to a folder that does not answer times out", async () => {
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

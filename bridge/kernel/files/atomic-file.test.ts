import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Disk, systemDisk } from "../disk.ts";
import { makeWhole, moveFile, placeFile, replaceFile, syncFolder } from "./atomic-file.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "atomic-file-"));
});
afterEach(async () => await rm(root, { recursive: true, force: true }));

/** The real disk, which records the order of calls. */
function told(changes: Partial<Disk> = {}) {
  const calls: string[] = [];
  const nameOf = (path: string) => (path === root ? "folder" : path.endsWith(".part") || path.endsWith(".new") ? "beside" : "file");
  const disk: Disk = {
    ...systemDisk,
    writeFile: async (path, ...rest) => {
      calls.push(`write ${nameOf(path)}`);
      await systemDisk.writeFile(path, ...rest);
    },
    rename: async (from, to) => {
      calls.push(`rename ${nameOf(from)} ${nameOf(to)}`);
      await systemDisk.rename(from, to);
    },
    open: async (path, ...rest) => {
      const file = await systemDisk.open(path, ...rest);
      return Object.assign(Object.create(file) as typeof file, {
        sync: async () => void calls.push(`sync ${nameOf(path)}`),
        [Symbol.asyncDispose]: () => file.close(),
      });
    },
    ...changes,
  };
  return { disk, calls };
}

it("a file is replaced as a whole, with its permissions, and nothing is left beside it", async () => {
  const file = join(root, "a.json");
  await writeFile(file, "old", { mode: 0o644 });
  await replaceFile(systemDisk, file, "new", { mode: 0o600 });
  expect(await readFile(file, "utf8")).toBe("new");
  const mode = process.platform === "win32" ? 0o600 : (await stat(file)).mode & 0o777; // Windows has no such bits
  expect(mode).toBe(0o600);
  expect(await readdir(root)).toEqual(["a.json"]);
});

it("a durable write is: write, sync, rename, sync the folder, in this order", async () => {
  const { disk, calls } = told();
  await replaceFile(disk, join(root, "a"), "new", { durable: true });
  const folder = process.platform === "win32" ? [] : ["sync folder"];
  expect(calls).toEqual(["write beside", "sync beside", "rename beside file", ...folder]);
});

it("a failed write leaves the old file, and no temporary file", async () => {
  const file = join(root, "a");
  await writeFile(file, "old");
  const broken = async (beside: string) => {
    await writeFile(beside, "ha");
    throw new Error("no more");
  };
  await expect(makeWhole(systemDisk, file, broken)).rejects.toThrow("no more");
  expect(await readFile(file, "utf8")).toBe("old");
  expect(await readdir(root)).toEqual(["a"]);
});

it("several writers that replace one file do not disturb each other", async () => {
  const file = join(root, "a");
  await Promise.all(Array.from({ length: 20 }, (_, index) => replaceFile(systemDisk, file, `${index}`.repeat(1_000))));
  expect(new Set(await readFile(file, "utf8")).size).toBeLessThanOrEqual(2);
  expect(await readdir(root)).toEqual(["a"]);
});

it("a move to another file system copies, and gives the copy its name only when it is whole", async () => {
  const [from, to] = [join(root, "from"), join(root, "to")];
  await writeFile(from, "bytes");
  const { disk, calls } = told({
    rename: async (before, after) => {
      if (before === from) throw Object.assign(new Error("other disk"), { code: "EXDEV" });
      calls.push("rename");
      await systemDisk.rename(before, after);
    },
  });
  await moveFile(disk, from, to);
  expect(calls).toEqual(["sync beside", "rename"]);
  expect(await readdir(root)).toEqual(["to"]);
});

it("placing a file returns its size, and syncs its bytes before it gets its name", async () => {
  const [from, to] = [join(root, "from"), join(root, "to")];
  await writeFile(from, "bytes");
  const { disk, calls } = told();
  expect(await placeFile(disk, from, to)).toBe(5);
  expect(calls).toEqual(["sync file", "rename file file"]);
});

it.skipIf(process.platform === "win32")("a folder that cannot be synced is no error; a missing one is", async () => {
  const refusing: Disk = { ...systemDisk, open: () => Promise.reject(Object.assign(new Error("no"), { code: "EINVAL" })) };
  await syncFolder(refusing, root);
  await expect(syncFolder(systemDisk, join(root, "nope"))).rejects.toMatchObject({ code: "ENOENT" });
});

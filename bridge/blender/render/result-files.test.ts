import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { localResultFiles } from "./result-files.ts";

let scratch: string;
beforeEach(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), "results-")));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

/** A fake sandbox in which every file contains its own path. */
const take = async (files: readonly { readonly path: string; readonly toPath: string }[]) => {
  for (const { path, toPath } of files) await writeFile(toPath, path, { flag: "wx" });
};

describe("result files out of a sandbox", () => {
  it("are written by the bridge under their names, also when two have the same name", async () => {
    const paths = ["/tmp/c/a/f_0001.png", "/tmp/c/b/f_0001.png", "/tmp/c/Grüße, 世界.exr", "/tmp/c/a/f_0001.png"];
    const own = await localResultFiles(paths, { scratch, take });
    expect(own.map((path) => basename(path))).toEqual(paths.map((path) => basename(path)));
    expect(new Set(own).size).toBe(paths.length);
    expect(await Promise.all(own.map((path) => readFile(path, "utf8")))).toEqual(paths);
    for (const path of own) expect(path.startsWith(`${scratch}/`)).toBe(true);
  });

  it.each(["/tmp/..", "/tmp/.", "/", "", "/tmp/a\nb", "/tmp/a\\b", "/tmp/a\u202eb", `/tmp/${"é".repeat(200)}`])(
    "are refused when named %j",
    async (path) => {
      await expect(localResultFiles(["/tmp/good.exr", path], { scratch, take })).rejects.toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
      expect(await readdir(scratch)).toEqual([]);
    },
  );

  it("leave no file when one cannot be written", async () => {
    const broken = async () => Promise.reject(new Error("it has ended"));
    await expect(localResultFiles(["/tmp/a.exr"], { scratch, take: broken })).rejects.toThrow("it has ended");
    expect(await readdir(scratch)).toEqual([]);
  });
});

describe("result files of a plain process", () => {
  it("are accepted only inside its own folder", async () => {
    const inside = join(scratch, "own");
    await mkdir(inside);
    await writeFile(join(inside, "a.exr"), "");
    await writeFile(join(scratch, "foreign.exr"), "");
    await symlink(join(scratch, "foreign.exr"), join(inside, "link.exr"));
    const place = { scratch: inside, take: undefined };
    expect(await localResultFiles([join(inside, "a.exr")], place)).toEqual([join(inside, "a.exr")]);
    for (const path of [
      join(inside, "link.exr"),
      join(scratch, "foreign.exr"),
      join(inside, "..", "foreign.exr"),
      join(inside, "none.exr"),
    ]) {
      await expect(localResultFiles([path], place)).rejects.toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
    }
  });
});

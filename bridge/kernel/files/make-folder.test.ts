import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemDisk } from "../disk.ts";
import { makeFolder } from "./make-folder.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "make-folder-"));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

test("missing folders are made, and the topmost of them is returned", async () => {
  await mkdir(join(root, "here"));
  expect(await makeFolder(systemDisk, join(root, "here", "a", "b", "c"))).toBe(join(root, "here", "a"));
  expect((await stat(join(root, "here", "a", "b", "c"))).isDirectory()).toBe(true);
  expect(await makeFolder(systemDisk, join(root, "here", "a", "b", "c"))).toBeUndefined();
});

test("two calls at once make one folder", async () => {
  const made = await Promise.all([1, 2, 3, 4].map(() => makeFolder(systemDisk, join(root, "shared", "deep", "er"))));
  expect((await stat(join(root, "shared", "deep", "er"))).isDirectory()).toBe(true);
  expect(made.filter((path) => path === join(root, "shared"))).toHaveLength(1);
});

test("a link to a folder counts as a folder; a dangling link is an error", async () => {
  await mkdir(join(root, "real"));
  await symlink(join(root, "real"), join(root, "link"));
  expect(await makeFolder(systemDisk, join(root, "link", "x"))).toBe(join(root, "link", "x"));
  await symlink(join(root, "nowhere"), join(root, "dangling"));
  await expect(makeFolder(systemDisk, join(root, "dangling", "x"))).rejects.toMatchObject({ code: "EEXIST" });
});

test("a file where the folder should be is named in the error", async () => {
  await writeFile(join(root, "file"), "");
  await expect(makeFolder(systemDisk, join(root, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(systemDisk, join(root, "file", "a", "b"))).rejects.toMatchObject({
    code: "ENOTDIR",
  });
  await expect(makeFolder(systemDisk, join(root, "n".repeat(300)))).rejects.toMatchObject({ code: "ENAMETOOLONG" });
});

// Node's own recursive mkdir never returns here.
test.runIf(process.platform === "linux")("a folder that can be neither made nor found is refused", async () => {
  await expect(makeFolder(systemDisk, "/proc/nope/deep/x")).rejects.toMatchObject({ code: "ENOENT" });
  await expect(systemDisk.mkdir("/proc/nope/deep/x", { recursive: true })).rejects.toMatchObject({ code: "ENOENT" });
});

test("the system's disk makes folders in this way, with a mode", async () => {
  expect(await systemDisk.mkdir(join(root, "private", "deep"), { recursive: true, mode: 0o700 })).toBe(join(root, "private"));
  const mode = (await stat(join(root, "private"))).mode & 0o777;
  expect(process.platform === "win32" ? 0o700 : mode).toBe(0o700);
});

import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tryOutputFile, tryOutputFolder } from "./try-output.ts";

const { signal } = new AbortController();
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "try-output-"));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

test("a folder that can be written or made passes, and is left as it was", async () => {
  await mkdir(join(root, "here"));
  await writeFile(join(root, "here", "picture.png"), "x");
  await tryOutputFolder(join(root, "here"), signal);
  await tryOutputFolder(join(root, "made", "deep", "er"), signal);
  expect(await readdir(root, { recursive: true })).toEqual(["here", "here/picture.png"]);
});

test("a file at the folder's path, and a too long name, are refused", async () => {
  await writeFile(join(root, "file"), "");
  for (const folder of [join(root, "file"), join(root, "file", "deep"), join(root, "n".repeat(300)), join(root, "a", "n".repeat(300))])
    await expect(tryOutputFolder(folder, signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
  expect(await readdir(root)).not.toContain("a");
});

test("a file passes if it is missing or may be replaced; a folder with its name does not", async () => {
  await mkdir(join(root, "film.mp4"));
  await writeFile(join(root, "old.mp4"), "x");
  for (const name of ["old.mp4", "new.mp4", "film.mp4/in.mp4", "new/deep/er.mp4"]) await tryOutputFile(join(root, name), signal);
  for (const name of ["film.mp4", "old.mp4/in.mp4", `${"n".repeat(300)}.mp4`])
    await expect(tryOutputFile(join(root, name), signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
  expect(await readdir(root)).not.toContain("new");
});

test.runIf(process.platform === "linux")("a folder that cannot be is refused", async () => {
  for (const folder of ["/proc/nope", "/proc/nope/deep", "/proc", "/sys/nope"])
    await expect(tryOutputFolder(folder, signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
});

test.runIf(process.getuid?.() !== 0 && process.platform !== "win32")("a folder of another user is refused", async () => {
  await mkdir(join(root, "theirs"), { mode: 0o500 });
  await expect(tryOutputFolder(join(root, "theirs"), signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
  await chmod(join(root, "theirs"), 0o700);
});

test.runIf(isRoot)("a read-only or full file system is refused", async () => {
  const disk = join(root, "disk");
  await mkdir(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  try {
    await writeFile(join(disk, "ballast"), Buffer.alloc(64 * 1024)).catch(() => {});
    await expect(tryOutputFolder(disk, signal)).rejects.toMatchObject({ code: "DISK_FULL" });
    execFileSync("mount", ["-o", "remount,ro", disk]);
    await expect(tryOutputFolder(join(disk, "deep"), signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
  } finally {
    execFileSync("umount", ["-l", disk]);
  }
});

// Mounts a file system whose server never answers, like an NFS server that is gone.

import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemDisk } from "../kernel/disk.ts";
import { openHome } from "./home.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "home-"));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

test("a missing home is made, for its owner only", async () => {
  const home = await openHome(systemDisk, join(root, "deep", "home"));
  expect((await stat(home.jobs)).isDirectory()).toBe(true);
  const mode = (await stat(home.root)).mode & 0o777;
  expect(process.platform === "win32" ? 0o700 : mode).toBe(0o700);
});

test("a file where the home should be is refused", async () => {
  await writeFile(join(root, "file"), "");
  await expect(openHome(systemDisk, join(root, "file"))).rejects.toMatchObject({ code: "HOME_NOT_WRITABLE" });
});

// Node's own recursive mkdir never returns here.
test.runIf(process.platform === "linux")("a home that can be neither made nor found is refused", async () => {
  await expect(openHome(systemDisk, "/proc/x")).rejects.toMatchObject({ code: "HOME_NOT_WRITABLE" });
});

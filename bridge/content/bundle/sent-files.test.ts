import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packBundle } from "./pack.ts";
import { SentFiles } from "./sent-files.ts";

const { signal } = new AbortController();
let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "p2p-sent-files-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function sent(): Promise<SentFiles> {
  for (const name of ["s.blend", "a.png", "b.png"]) await writeFile(join(folder, name), `first ${name}`);
  const files = ["s.blend", "a.png", "b.png"].map((name) => ({ path: join(folder, name), kind: "blend", missing: false }));
  return new SentFiles((await packBundle(files, {}, signal)).files);
}

describe("detecting changed files of a sent scene", () => {
  it("reports no file when none was written", async () => {
    expect(await (await sent()).firstChanged(signal)).toBeUndefined();
  });

  it("reports a file that was overwritten, replaced, shortened or removed", async () => {
    const path = join(folder, "b.png");
    for (const change of [
      () => writeFile(path, "other b.png"),
      () => writeFile(path, ""),
      () => rename(join(folder, "a.png"), path),
      () => rm(path),
    ]) {
      const files = await sent();
      await change();
      expect(await files.firstChanged(signal, new Set([join(folder, "a.png")]))).toBe(path);
    }
  });

  it("does not report a file that was only touched, or saved again unchanged", async () => {
    const files = await sent();
    await utimes(join(folder, "a.png"), new Date(), new Date(0));
    await writeFile(join(folder, "new.png"), "first b.png");
    await rename(join(folder, "new.png"), join(folder, "b.png"));
    expect(await files.firstChanged(signal)).toBeUndefined();
  });

  it("ignores files that the job itself has written", async () => {
    const files = await sent();
    await writeFile(join(folder, "a.png"), "a picture of this job");
    expect(await files.firstChanged(signal, new Set([join(folder, "a.png")]))).toBeUndefined();
  });
});

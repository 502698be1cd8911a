import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemDisk } from "../kernel/disk.ts";
import { PreviewStore } from "./preview-store.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "previews-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A small picture as a session leaves it. */
async function picture(content: string): Promise<string> {
  const path = join(folder, `${content}.from-a-session`);
  await writeFile(path, content);
  return path;
}

const shown = ({ pictures }: PreviewStore) =>
  Promise.all(pictures.map(async ({ job, path }) => [job, await readFile(path, "utf8")] as const));

const kept = async () => (await readdir(folder)).filter((name) => !name.endsWith(".from-a-session"));

describe("previews for the owner", () => {
  it("are the last one of each job, the newest last", async () => {
    const store = new PreviewStore(systemDisk, folder);
    await store.take("a", await picture("first of a"));
    await store.take("b", await picture("first of b"));
    await store.take("a", await picture("second of a"));
    expect(await shown(store)).toEqual([
      ["b", "first of b"],
      ["a", "second of a"],
    ]);
    expect(await kept()).toHaveLength(2);
  });

  it("are copies: later changes of the session's file have no effect", async () => {
    const store = new PreviewStore(systemDisk, folder);
    const path = await picture("of a");
    await store.take("a", path);
    await rm(path);
    expect(await shown(store)).toEqual([["a", "of a"]]);
  });

  it("are unchanged when the next one cannot be copied", async () => {
    const store = new PreviewStore(systemDisk, folder);
    await store.take("a", await picture("of a"));
    await store.take("a", join(folder, "is not there"));
    await store.take("b", join(folder, "is not there"));
    expect(await shown(store)).toEqual([["a", "of a"]]);
    expect(await kept()).toHaveLength(1);
  });

  it("are removed with their job; a job without one is no error", async () => {
    const store = new PreviewStore(systemDisk, folder);
    await store.take("a", await picture("of a"));
    await store.clear("b");
    expect(store.pictures).toHaveLength(1);
    await store.clear("a");
    expect(store.pictures).toEqual([]);
    expect(await kept()).toEqual([]);
  });
});

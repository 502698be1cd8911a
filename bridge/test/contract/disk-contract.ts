import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Disk, pathExists } from "../../kernel/disk.ts";

/** A disk with a folder for this test alone, and a function that advances its time. */
export interface DiskPlace {
  readonly disk: Disk;
  readonly root: string;
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

/** The contract of every Disk; run on the one in memory and on the real one. */
export function diskContract(name: string, open: () => Promise<DiskPlace>): void {
  describe(`${name} as a Disk`, () => {
    let place: DiskPlace;
    beforeEach(async () => {
      place = await open();
    });
    afterEach(() => place.dispose());
    const at = (...names: string[]) => join(place.root, ...names);
    const tools = { disk: () => place.disk, at, place: () => place };

    writes(tools);
    opens(tools);
    renames(tools);
    lists(tools);
    removes(tools);
  });
}

interface Tools {
  readonly disk: () => Disk;
  readonly at: (...names: string[]) => string;
  readonly place: () => DiskPlace;
}

/** The error code of a call; undefined if it succeeds. */
async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  return await call.then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

async function textOf(disk: Disk, path: string): Promise<string> {
  return String(await disk.readFile(path));
}

function writes({ disk, at, place }: Tools): void {
  it("returns what was last written, as text and bytes", async () => {
    await disk().writeFile(at("a"), "first, and longer");
    await disk().writeFile(at("a"), "größer");
    await disk().writeFile(at("b"), Uint8Array.of(0, 255, 7));
    expect(await textOf(disk(), at("a"))).toBe("größer");
    expect([...(await disk().readFile(at("b")))]).toEqual([0, 255, 7]);
  });

  it("copies buffers: changing a buffer after a read or write changes no file", async () => {
    const bytes = Buffer.from("abc");
    await disk().writeFile(at("a"), bytes);
    bytes.fill(0);
    (await disk().readFile(at("a"))).fill(0);
    expect(await textOf(disk(), at("a"))).toBe("abc");
  });

  it("does not overwrite with the flag wx", async () => {
    await disk().writeFile(at("a"), "mine", { flag: "wx" });
    expect(await codeOf(disk().writeFile(at("a"), "yours", { flag: "wx" }))).toBe("EEXIST");
    expect(await codeOf(disk().writeFile(at(), "yours", { flag: "wx" }))).toBe("EEXIST");
    expect(await textOf(disk(), at("a"))).toBe("mine");
  });

  it("fails with the system's code when a file cannot be read or written", async () => {
    await disk().writeFile(at("file"), "");
    await disk().mkdir(at("folder"));
    expect(await codeOf(disk().readFile(at("none")))).toBe("ENOENT");
    expect(await codeOf(disk().readFile(at("none", "a")))).toBe("ENOENT");
    expect(await codeOf(disk().readFile(at("file", "a")))).toBe("ENOTDIR");
    expect(await codeOf(disk().readFile(at("folder")))).toBe("EISDIR");
    expect(await codeOf(disk().writeFile(at("none", "a"), ""))).toBe("ENOENT");
    expect(await codeOf(disk().writeFile(at("file", "a"), ""))).toBe("ENOTDIR");
    expect(await codeOf(disk().writeFile(at("folder"), ""))).toBe("EISDIR");
  });

  it("copies a file, also over another one, and keeps the original", async () => {
    await disk().writeFile(at("from"), "bytes");
    await disk().writeFile(at("to"), "others, and more of them");
    await disk().copyFile(at("from"), at("to"));
    await disk().writeFile(at("from"), "changed");
    expect(await textOf(disk(), at("to"))).toBe("bytes");
    expect(await codeOf(disk().copyFile(at("none"), at("to")))).toBe("ENOENT");
    expect(await codeOf(disk().copyFile(at("from"), at("none", "to")))).toBe("ENOENT");
    await disk().mkdir(at("folder"));
    expect(await codeOf(disk().copyFile(at("from"), at("folder")))).toBe("EISDIR");
  });

  it("stats a file with its size, or a folder", async () => {
    await disk().writeFile(at("file"), "größer");
    const file = await disk().stat(at("file"));
    expect([file.size, file.isFile(), file.isDirectory()]).toEqual([8, true, false]);
    const folder = await disk().stat(at());
    expect([folder.isFile(), folder.isDirectory()]).toEqual([false, true]);
    expect(await codeOf(disk().stat(at("none")))).toBe("ENOENT");
    expect(await codeOf(disk().stat(at("file", "a")))).toBe("ENOTDIR");
    expect([await pathExists(disk(), at("file")), await pathExists(disk(), at("none"))]).toEqual([true, false]);
  });

  it("sets a file's time when it is written, but not when it is renamed", async () => {
    await disk().writeFile(at("a"), "1");
    const { mtimeMs: first } = await disk().stat(at("a"));
    await place().pass(50);
    await disk().rename(at("a"), at("b"));
    expect((await disk().stat(at("b"))).mtimeMs).toBe(first);
    await disk().writeFile(at("b"), "2");
    expect((await disk().stat(at("b"))).mtimeMs).toBeGreaterThan(first);
  });

  it("returns the free space for an existing path", async () => {
    expect(await disk().freeBytes(at())).toBeGreaterThan(0);
    expect(await codeOf(disk().freeBytes(at("none")))).toBe("ENOENT");
  });
}

function opens({ disk, at }: Tools): void {
  it("opens an existing file for reading at any position, up to its end", async () => {
    await disk().writeFile(at("a"), "0123456789");
    await using file = await disk().open(at("a"), "read");
    const into = Buffer.from("........");
    expect(await file.read(into, 2, 4, 3)).toMatchObject({ bytesRead: 4 });
    expect(String(into)).toBe("..3456..");
    expect(await file.read(into, 0, 8, 8)).toMatchObject({ bytesRead: 2 });
    expect(await file.read(into, 0, 8, 10)).toMatchObject({ bytesRead: 0 });
    expect(await file.read(into, 0, 8, 99)).toMatchObject({ bytesRead: 0 });
  });

  it("refuses a write to a file opened for reading", async () => {
    await disk().writeFile(at("a"), "abc");
    await using file = await disk().open(at("a"), "read");
    expect(await codeOf(file.write(Buffer.from("x"), 0, 1, 0))).toBe("EBADF");
    expect(await codeOf(file.truncate(1))).toBe("EINVAL");
    expect(await textOf(disk(), at("a"))).toBe("abc");
  });

  it("changes a part of a file; gaps are filled with zeros", async () => {
    await disk().writeFile(at("a"), "0123456789");
    await using file = await disk().open(at("a"), "change");
    expect(await file.write(Buffer.from("_xyz_"), 1, 3, 4)).toMatchObject({ bytesWritten: 3 });
    await file.write(Buffer.from("!"), 0, 1, 12);
    await file.sync();
    expect(await textOf(disk(), at("a"))).toBe("0123xyz789\0\0!");
    expect((await file.stat()).size).toBe(13);
  });

  it("extends and truncates a file; truncated bytes are lost", async () => {
    await disk().writeFile(at("a"), "0123456789");
    await using file = await disk().open(at("a"), "change");
    await file.truncate(3);
    expect(await textOf(disk(), at("a"))).toBe("012");
    await file.truncate(5);
    expect(await textOf(disk(), at("a"))).toBe("012\0\0");
  });

  it("with mode own creates a missing file, and keeps the contents of an existing one", async () => {
    await (await disk().open(at("a"), "own", 0o600)).close();
    expect(await textOf(disk(), at("a"))).toBe("");
    await disk().writeFile(at("a"), "kept");
    await using file = await disk().open(at("a"), "own");
    await file.write(Buffer.from("K"), 0, 1, 0);
    expect(await textOf(disk(), at("a"))).toBe("Kept");
  });

  it("opens a folder only to sync it", async () => {
    await using folder = await disk().open(at(), "read");
    await folder.sync();
    expect((await folder.stat()).isDirectory()).toBe(true);
    expect(await codeOf(folder.read(Buffer.alloc(1), 0, 1, 0))).toBe("EISDIR");
    expect(await codeOf(disk().open(at(), "change"))).toBe("EISDIR");
    expect(await codeOf(disk().open(at(), "own"))).toBe("EISDIR");
  });

  it("fails with the system's code when a file cannot be opened", async () => {
    expect(await codeOf(disk().open(at("none"), "read"))).toBe("ENOENT");
    expect(await codeOf(disk().open(at("none"), "change"))).toBe("ENOENT");
    expect(await codeOf(disk().open(at("none", "a"), "own"))).toBe("ENOENT");
  });

  it("keeps an open file usable after its name is removed, and a closed one unusable", async () => {
    await disk().writeFile(at("a"), "old");
    await disk().writeFile(at("b"), "new");
    const file = await disk().open(at("a"), "change");
    await disk().rename(at("b"), at("a"));
    await file.write(Buffer.from("OLD"), 0, 3, 0);
    const into = Buffer.alloc(3);
    await file.read(into, 0, 3, 0);
    expect([String(into), await textOf(disk(), at("a"))]).toEqual(["OLD", "new"]);
    await file.close();
    expect(await codeOf(file.read(into, 0, 3, 0))).toBe("EBADF");
  });
}

function renames({ disk, at }: Tools): void {
  it("renames a file, also to another folder and over another file", async () => {
    await disk().mkdir(at("folder"));
    await disk().writeFile(at("a"), "a");
    await disk().writeFile(at("folder", "b"), "b");
    await disk().rename(at("a"), at("folder", "b"));
    expect(await textOf(disk(), at("folder", "b"))).toBe("a");
    expect(await disk().readdir(at())).toEqual(["folder"]);
  });

  it("renames a folder with its contents, also over an empty one", async () => {
    await disk().mkdir(at("a", "deep"), { recursive: true });
    await disk().writeFile(at("a", "deep", "file"), "here");
    await disk().mkdir(at("empty"));
    await disk().rename(at("a"), at("empty"));
    expect(await textOf(disk(), at("empty", "deep", "file"))).toBe("here");
    expect(await disk().readdir(at())).toEqual(["empty"]);
  });

  it("fails with the system's code when a rename is impossible, and changes nothing", async () => {
    await disk().mkdir(at("full", "in"), { recursive: true });
    await disk().mkdir(at("folder"));
    await disk().writeFile(at("file"), "");
    expect(await codeOf(disk().rename(at("none"), at("a")))).toBe("ENOENT");
    expect(await codeOf(disk().rename(at("file"), at("none", "a")))).toBe("ENOENT");
    expect(await codeOf(disk().rename(at("file"), at("folder")))).toBe("EISDIR");
    expect(await codeOf(disk().rename(at("folder"), at("file")))).toBe("ENOTDIR");
    expect(await codeOf(disk().rename(at("folder"), at("full")))).toBe("ENOTEMPTY");
    expect(await codeOf(disk().rename(at("full"), at("full", "in", "side")))).toBe("EINVAL");
    for (const name of ["file", "full"]) await disk().rename(at(name), at(name));
    expect(await disk().readdir(at())).toEqual(["file", "folder", "full"]);
  });
}

function lists({ disk, at }: Tools): void {
  it("lists the names in a folder in order, not recursively", async () => {
    for (const name of ["b", "c", "a"]) await disk().writeFile(at(name), "");
    await disk().mkdir(at("bb", "deep"), { recursive: true });
    expect(await disk().readdir(at())).toEqual(["a", "b", "bb", "c"]);
    expect(await codeOf(disk().readdir(at("none")))).toBe("ENOENT");
    expect(await codeOf(disk().readdir(at("a")))).toBe("ENOTDIR");
  });

  it("makes one folder", async () => {
    expect(await disk().mkdir(at("a"))).toBeUndefined();
    await disk().writeFile(at("file"), "");
    expect(await codeOf(disk().mkdir(at("a")))).toBe("EEXIST");
    expect(await codeOf(disk().mkdir(at("file")))).toBe("EEXIST");
    expect(await codeOf(disk().mkdir(at("none", "a")))).toBe("ENOENT");
    expect(await codeOf(disk().mkdir(at("file", "a")))).toBe("ENOTDIR");
  });

  it("makes all missing folders, and returns the topmost", async () => {
    expect(await disk().mkdir(at("a", "b", "c"), { recursive: true })).toBe(at("a"));
    expect(await disk().mkdir(at("a", "b", "c"), { recursive: true })).toBeUndefined();
    expect((await disk().stat(at("a", "b", "c"))).isDirectory()).toBe(true);
    await disk().writeFile(at("file"), "");
    expect(await codeOf(disk().mkdir(at("file"), { recursive: true }))).toBe("EEXIST");
    expect(await codeOf(disk().mkdir(at("file", "a"), { recursive: true }))).toBe("ENOTDIR");
  });
}

function removes({ disk, at }: Tools): void {
  it("removes an empty folder, and no other", async () => {
    await disk().mkdir(at("full", "empty"), { recursive: true });
    await disk().writeFile(at("file"), "");
    expect(await codeOf(disk().rmdir(at("full")))).toBe("ENOTEMPTY");
    expect(await codeOf(disk().rmdir(at("file")))).toBe("ENOTDIR");
    expect(await codeOf(disk().rmdir(at("none")))).toBe("ENOENT");
    await disk().rmdir(at("full", "empty"));
    await disk().rmdir(at("full"));
    expect(await disk().readdir(at())).toEqual(["file"]);
  });

  it("removes a file; a missing one is an error unless forced", async () => {
    await disk().writeFile(at("a"), "");
    await disk().rm(at("a"));
    expect(await codeOf(disk().rm(at("a")))).toBe("ENOENT");
    expect(await codeOf(disk().rm(at("a"), { force: true }))).toBeUndefined();
    expect(await codeOf(disk().rm(at("none", "a"), { recursive: true, force: true }))).toBeUndefined();
  });

  it("removes a folder with its contents only recursively", async () => {
    await disk().mkdir(at("a", "b"), { recursive: true });
    await disk().writeFile(at("a", "b", "c"), "");
    expect(await codeOf(disk().rm(at("a")))).toBe("ERR_FS_EISDIR");
    expect(await codeOf(disk().rm(at("a"), { force: true }))).toBe("ERR_FS_EISDIR");
    await disk().rm(at("a"), { recursive: true });
    expect(await disk().readdir(at())).toEqual([]);
  });
}

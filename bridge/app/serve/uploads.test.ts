import { basename, dirname } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { GATEWAY_LIMITS } from "../../gateway/wire/limits.ts";
import type { OpenFile } from "../../kernel/disk.ts";
import { MemoryDisk } from "../../test/fakes/memory-disk.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";
import { sweepUploads, Uploads } from "./uploads.ts";

const CAP = 1_000;
const taken = new Set<string>();

let disk: MemoryDisk;
let uploads: Uploads;
let count: number;
const random = { fraction: () => 0, bytes: (bytes: number) => Buffer.alloc(bytes, ++count) };
beforeEach(async () => {
  disk = new MemoryDisk({ clock: new SteppedClock(), capBytes: CAP });
  await disk.mkdir("/uploads");
  count = 0;
  taken.clear();
  uploads = new Uploads({ random, disk }, "/uploads", (folder) => taken.has(folder));
});

/** A disk that writes at most two bytes per call. */
class SlowDisk extends MemoryDisk {
  override async open(...request: Parameters<MemoryDisk["open"]>): Promise<OpenFile> {
    const file = await super.open(...request);
    const write: OpenFile["write"] = (from, offset, length, position) => file.write(from, offset, Math.min(2, length), position);
    return Object.assign(Object.create(file) as OpenFile, { write, close: () => file.close() });
  }
}

describe("an uploaded file", () => {
  it("is stored in its own folder, its parts in order", async () => {
    const [file, other] = [await uploads.receive("a.blend", 6), await uploads.receive("a.blend", 3)];
    for (const part of ["abc", "def"]) await file.write(Buffer.from(part));
    await other.write(Buffer.from("xyz"));
    const [path, otherPath] = [await file.finish(), await other.finish()];
    expect(dirname(path)).not.toBe(dirname(otherPath));
    expect([String(await disk.readFile(path)), String(await disk.readFile(otherPath))]).toEqual(["abcdef", "xyz"]);
  });

  it("is complete although the disk writes fewer bytes at a time than it is given", async () => {
    const slow = new SlowDisk({ clock: new SteppedClock() });
    await slow.mkdir("/uploads");
    const file = await new Uploads({ random, disk: slow }, "/uploads", () => false).receive("a.blend", 10);
    for (const part of ["abcde", "", "fghij"]) await file.write(Buffer.from(part));
    expect(String(await slow.readFile(await file.finish()))).toBe("abcdefghij");
  });

  it("is refused before it is sent when there is no room, and when the disk becomes full", async () => {
    await expect(uploads.receive("a.blend", CAP + 1)).rejects.toMatchObject({ code: "DISK_FULL" });
    const file = await uploads.receive("a.blend", CAP);
    await disk.writeFile("/other", "x");
    await expect(file.write(Buffer.alloc(CAP))).rejects.toMatchObject({ code: "DISK_FULL" });
    await file.drop();
    expect(await disk.readdir("/uploads")).toEqual([]);
  });

  it("is removed when its client disconnects unless a job has taken it", async () => {
    const [kept, left] = [await uploads.receive("a.blend", 1), await uploads.receive("b.blend", 1)];
    taken.add(dirname(await kept.finish()));
    await kept.leave();
    await left.leave();
    expect(await disk.readdir("/uploads")).toEqual([...taken].map((folder) => basename(folder)));
  });

  it("counts towards the limit of uploads until it ends", async () => {
    const files = await Promise.all(Array.from({ length: GATEWAY_LIMITS.maxUploads }, () => uploads.receive("a.blend", 0)));
    await expect(uploads.receive("a.blend", 0)).rejects.toMatchObject({ code: "TOO_MANY_UPLOADS" });
    await files[0]?.finish();
    await files[0]?.drop(); // counted once
    await uploads.receive("a.blend", 0);
    await expect(uploads.receive("a.blend", 0)).rejects.toMatchObject({ code: "TOO_MANY_UPLOADS" });
  });
});

it("files that no job uses are removed", async () => {
  for (const name of ["used", "left"]) await disk.mkdir(`/uploads/${name}`);
  await disk.writeFile("/uploads/left/a.blend", "a scene");
  await sweepUploads(disk, "/uploads", (folder) => basename(folder) === "used");
  expect(await disk.readdir("/uploads")).toEqual(["used"]);
});

import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openHome } from "../../config/home.ts";
import { MemoryDisk } from "../../test/fakes/memory-disk.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";
import { openScratch, STAGE_PREFIX } from "./scratch.ts";

/** No process has this pid: Linux ends at 4,194,304. */
const DEAD = "99999999";
const OUT = "/out";
const STAGE = join(OUT, `${STAGE_PREFIX}job`);

let disk: MemoryDisk;
beforeEach(() => {
  disk = new MemoryDisk({ clock: new SteppedClock() });
});

/** Leftovers of a killed bridge: a Blender's folder, and a note with the path of a folder in `out`. */
async function leave(scratch: string, outside: string): Promise<void> {
  await disk.mkdir(join(scratch, DEAD, "job", "finish"), { recursive: true });
  await disk.writeFile(join(scratch, DEAD, "outside-job"), outside);
  await disk.mkdir(outside, { recursive: true });
  await disk.writeFile(join(outside, "half.png"), "half a picture");
}

describe("a job's scratch folder", () => {
  it("removes what a killed bridge left, in it and in the output folder", async () => {
    const home = await openHome(disk, "/home");
    await leave(home.scratch, STAGE);
    await using _scratch = await openScratch(disk, home);
    expect(await disk.readdir(OUT)).toEqual([]);
    expect(await disk.readdir(home.scratch)).not.toContain(DEAD);
  });

  it("removes at its end what a killed bridge's Blender wrote after this one started", async () => {
    const home = await openHome(disk, "/home");
    const scratch = await openScratch(disk, home);
    await leave(home.scratch, STAGE);
    await scratch[Symbol.asyncDispose]();
    expect(await disk.readdir(home.scratch)).toEqual([]);
  });

  it("ignores notes in a folder that Blender can write to", async () => {
    const home = await openHome(disk, "/home");
    await leave(home.scratch, STAGE);
    await disk.rm(join(home.scratch, DEAD, "outside-job"));
    await disk.writeFile(join(home.scratch, DEAD, "job", "outside-job"), STAGE);
    await disk.mkdir(join(home.scratch, DEAD, "outside-folder"));
    await using _scratch = await openScratch(disk, home);
    expect(await disk.readdir(STAGE)).toEqual(["half.png"]);
    expect(await disk.readdir(home.scratch)).not.toContain(DEAD);
  });

  it("never removes a folder with another name", async () => {
    const home = await openHome(disk, "/home");
    await leave(home.scratch, join(OUT, "pictures"));
    await using _scratch = await openScratch(disk, home);
    expect(await disk.readdir(OUT)).toEqual(["pictures"]);
  });

  it("keeps the folders noted by a running process, and drops the note with its job", async () => {
    const home = await openHome(disk, "/home");
    await using scratch = await openScratch(disk, home);
    await disk.mkdir(STAGE, { recursive: true });
    const own = scratch.inner("job");
    await own.noteOutside(STAGE);
    await using _again = await openScratch(disk, home);
    expect(await disk.readdir(OUT)).toEqual([`${STAGE_PREFIX}job`]);
    expect(await disk.readdir(join(home.scratch, String(process.pid)))).toEqual(["outside-job"]);
    await own[Symbol.asyncDispose]();
    expect(await disk.readdir(join(home.scratch, String(process.pid)))).toEqual([]);
  });

  it("removes the folder of a Blender that has ended, and no other", async () => {
    const home = await openHome(disk, "/home");
    await using scratch = await openScratch(disk, home);
    const [gone, here] = [await scratch.folder("gone"), await scratch.folder("here")];
    await disk.writeFile(join(gone, "scene.blend"), "a scene");
    await scratch.remove(gone);
    await scratch.remove(gone); // removing it twice is no error
    expect(await disk.readdir(join(home.scratch, String(process.pid)))).toEqual(["here"]);
    expect(await disk.readdir(here)).toEqual([]);
  });
});

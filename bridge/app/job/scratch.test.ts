import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHome } from "../../config/home.ts";
import { openScratch, STAGE_PREFIX } from "./scratch.ts";

/** No process has this number: Linux ends at 4,194,304. */
const DEAD = "99999999";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-scratch-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** What a killed bridge left: a Blender's folder, and the path of a folder in `out`. */
async function leave(scratch: string, outside: string): Promise<void> {
  await mkdir(join(scratch, DEAD, "job", "finish"), { recursive: true });
  await writeFile(join(scratch, DEAD, "outside-job"), outside);
  await mkdir(outside, { recursive: true });
  await writeFile(join(outside, "half.png"), "half a picture");
}

describe("a job's scratch folder", () => {
  it("removes what a killed bridge left, in it and in the output folder", async () => {
    const home = await openHome(join(root, "home"));
    await leave(home.scratch, join(root, "out", `${STAGE_PREFIX}job`));
    await using _scratch = await openScratch(home);
    expect(await readdir(join(root, "out"))).toEqual([]);
    expect(await readdir(home.scratch)).not.toContain(DEAD);
  });

  it("removes at its end what a killed bridge's Blender wrote after this one started", async () => {
    const home = await openHome(join(root, "home"));
    const scratch = await openScratch(home);
    await leave(home.scratch, join(root, "out", `${STAGE_PREFIX}job`));
    await scratch[Symbol.asyncDispose]();
    expect(await readdir(home.scratch)).toEqual([]);
  });

  it("ignores notes in a folder that Blender can write to", async () => {
    const home = await openHome(join(root, "home"));
    const stage = join(root, "out", `${STAGE_PREFIX}job`);
    await leave(home.scratch, stage);
    await rm(join(home.scratch, DEAD, "outside-job"));
    await writeFile(join(home.scratch, DEAD, "job", "outside-job"), stage);
    await using _scratch = await openScratch(home);
    expect(await readdir(stage)).toEqual(["half.png"]);
  });

  it("never removes a folder with another name", async () => {
    const home = await openHome(join(root, "home"));
    await leave(home.scratch, join(root, "out", "pictures"));
    await using _scratch = await openScratch(home);
    expect(await readdir(join(root, "out"))).toEqual(["pictures"]);
  });

  it("keeps the folders noted by a running process, and drops the note with its job", async () => {
    const home = await openHome(join(root, "home"));
    await using scratch = await openScratch(home);
    const stage = join(root, "out", `${STAGE_PREFIX}job`);
    await mkdir(stage, { recursive: true });
    const own = scratch.inner("job");
    await own.noteOutside(stage);
    await using _again = await openScratch(home);
    expect(await readdir(join(root, "out"))).toEqual([`${STAGE_PREFIX}job`]);
    expect(await readdir(join(home.scratch, String(process.pid)))).toEqual(["outside-job"]);
    await own[Symbol.asyncDispose]();
    expect(await readdir(join(home.scratch, String(process.pid)))).toEqual([]);
  });
});

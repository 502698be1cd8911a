import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, describe, expect, test } from "vitest";
import { isFarmError } from "../../kernel/errors.ts";
import { makeExr } from "../fixtures/make-exr.ts";
import { scratchFolder } from "../fixtures/scratch.ts";
import { type Media, openMedia } from "./media-pool.ts";
import { timeLimit } from "../../test/time/time-limit.ts";

const scratch = scratchFolder();
const signal = new AbortController().signal;
const channels = ["A", "B"].map((name) => ({ name: `L.Combined.${name}` }));
const rect = { x: 0, y: 0, width: 4, height: 3 };
const good = scratch.put("good.exr", makeExr({ width: 4, height: 3, parts: [{ channels }], compression: "zip" }));
const expectation = { width: 4, height: 3, maxBytes: 10_000 };
/** More than half a second of inflating: long enough to be interrupted. */
const slow = scratch.put(
  "slow.exr",
  makeExr({ width: 1024, height: 1024, parts: [{ channels: [{ name: "L.C.A" }, { name: "L.C.B" }] }], compression: "zips", bits: () => 0 }),
);
const slowly = { width: 1024, height: 1024, maxBytes: 64e6 };

let media: Media | undefined;
afterEach(async () => await media?.close());

describe("media threads", () => {
  test("check, lay out, paste and compare", async () => {
    media = openMedia();
    const summary = await media.check(good, expectation, signal);
    const target = { path: join(scratch.path, "target.exr"), width: 4, height: 3, ...summary };
    await media.createAssembled(target, signal);
    await media.paste({ resultPath: good, target, resultRect: rect, tileRect: rect, region: rect }, signal);
    const difference = await media.compare({ result: { path: good, rect }, reference: { path: target.path, rect }, rect }, signal);
    expect(difference).toEqual({ differingPixels: 0, pixels: 12, maxDifference: 0, r: undefined });
  });

  test("pass an expected error on with its type, and a bug as a bug", async () => {
    media = openMedia();
    const refusal = await media.check(good, { ...expectation, width: 5 }, signal).catch((error: unknown) => error);
    expect(isFarmError(refusal, "EXR_INVALID")).toBe(true);
    expect(refusal).toMatchObject({ facts: { reason: expect.stringContaining("4x3") }, advice: expect.stringContaining("Nothing to do") });
    const bug = await media.check(join(scratch.path, "absent.exr"), expectation, signal).catch((error: unknown) => error);
    expect(isFarmError(bug)).toBe(false);
    expect((bug as Error).message).toContain("ENOENT");
  });

  test("give up a task that takes too long, and do the next one", async () => {
    media = openMedia({ timeLimitMs: 1 });
    await expect(media.check(slow, slowly, signal)).rejects.toMatchObject({
      code: "EXR_INVALID",
      message: expect.stringContaining("longer than 1 ms"),
    });
    await media.close();
    media = openMedia();
    expect((await media.check(slow, slowly, signal)).channels).toHaveLength(2);
  });

  test("stop a task when its caller aborts, and do the next one", async () => {
    media = openMedia();
    await media.check(good, expectation, signal); // the thread is up
    const caller = new AbortController();
    const job = media.check(slow, slowly, caller.signal);
    const next = media.check(good, expectation, signal);
    setTimeout(() => caller.abort(new Error("enough")), 5);
    await expect(job).rejects.toThrow("enough");
    expect((await next).channels).toHaveLength(2);
  });

  test("release an aborted waiting caller at once, without blocking others in the queue", async () => {
    media = openMedia();
    const caller = new AbortController();
    const order: string[] = [];
    const first = media.check(slow, slowly, signal).then(() => order.push("first"));
    const second = media.check(good, expectation, caller.signal).catch(() => order.push("second"));
    const third = media.check(good, expectation, signal).then(() => order.push("third"));
    caller.abort(new Error("gone"));
    await Promise.all([first, second, third]);
    expect(order).toEqual(["second", "first", "third"]);
  });

  test("fail all their tasks when they stop, and accept no more", async () => {
    media = openMedia();
    const jobs = [media.check(slow, slowly, signal), media.check(good, expectation, signal)].map((job) =>
      job.catch((error: unknown) => error),
    );
    await media.close();
    for (const outcome of await Promise.all(jobs)) expect(outcome).toMatchObject({ code: "CANCELLED" });
    await expect(media.check(good, expectation, signal)).rejects.toMatchObject({ code: "CANCELLED" });
    await media.close();
  });

  test("run two tasks at once", async () => {
    media = openMedia({ threads: 2 });
    const order: string[] = [];
    await Promise.all([
      media.check(slow, slowly, signal).then(() => order.push("slow")),
      media.check(good, expectation, signal).then(() => order.push("good")),
    ]);
    expect(order).toEqual(["good", "slow"]);
  });

  test("are found beside the bundled program, and keep no process alive", async () => {
    const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const entry = scratch.put(
      "bridge.ts",
      `import { openMedia } from ${JSON.stringify(here("media-pool.ts"))};\nconst media = openMedia();\nconst { channels } = await media.check(process.argv[2], { width: 4, height: 3, maxBytes: 10_000 }, new AbortController().signal);\nconsole.log(channels.join());\n`,
    );
    await build({
      entryPoints: { bridge: entry, "media-worker": here("media-worker.ts") },
      outdir: join(scratch.path, "dist"),
      bundle: true,
      platform: "node",
      format: "esm",
    });
    scratch.put("package.json", '{"type":"module"}');
    const printed = execFileSync(process.execPath, [join(scratch.path, "dist/bridge.js"), good], {
      encoding: "utf8",
      timeout: timeLimit(60_000),
    });
    expect(printed.trim()).toBe("L.Combined.A,L.Combined.B");
  });
});

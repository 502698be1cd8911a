import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRunning, processStat } from "../../kernel/process-identity.ts";
import { differences, filesBelow, raw, makeScenes, patience, plainRaw, TEST_BUILD, testSession } from "../fixtures/session-kit.ts";
import { type TestScenes, testScenes } from "../fixtures/inspect-kit.ts";
import { until } from "../../test/time/until.ts";

const SOURCES: Readonly<Record<string, string>> = {
  "plain.blend": 'save("zstd.blend", compress=True); save("plain.blend", compress=False)',
  "no-camera.blend": `bpy.data.objects.remove(scene.camera)`,
  "denoised.blend": "scene.cycles.use_denoising = True",
  "endless.blend": "scene.cycles.samples = 16_000_000",
};

let scenes: TestScenes;

beforeAll(async () => {
  scenes = await testScenes();
  await makeScenes(scenes, SOURCES);
});

afterAll(async () => {
  await scenes[Symbol.asyncDispose]();
});

describe("a session survives", () => {
  it("files that cannot be opened, each with its own error code", async () => {
    const whole = await readFile(scenes.path("plain.blend"));
    await writeFile(scenes.path("cut-short.blend"), whole.subarray(0, whole.length / 2));
    await writeFile(scenes.path("text.blend"), "not a scene");
    await writeFile(scenes.path("newer.blend"), Buffer.concat([Buffer.from("BLENDER17-01v9902"), whole.subarray(12)]));
    await writeFile(scenes.path("gzip.blend"), gzipSync(whole));
    const { session } = await testSession(scenes);
    await using _ = session;
    const load = async (name: string) => await session.load(scenes.path(name), { remap: {} }, patience());
    await expect(session.render(raw(1), patience())).rejects.toMatchObject({ code: "BLENDER_RENDER_FAILED" });
    await expect(load("cut-short.blend")).rejects.toMatchObject({ code: "SCENE_UNREADABLE" });
    await expect(load("text.blend")).rejects.toMatchObject({ code: "SCENE_UNREADABLE" });
    await expect(load("missing.blend")).rejects.toMatchObject({ code: "SCENE_UNREADABLE" });
    await expect(load("newer.blend")).rejects.toMatchObject({ code: "SCENE_TOO_NEW", facts: { savedBy: "99.2" } });
    // 5.x never wrote gzip, and refuses the header of its own files inside it
    const compressed = Number(TEST_BUILD.version.split(".")[0]) < 5 ? ["gzip.blend", "zstd.blend"] : ["zstd.blend"];
    for (const name of [...compressed, "plain.blend"]) {
      await load(name);
      expect((await session.render(raw(1), patience())).raw).toBeDefined();
    }
  });

  it("chunks that cannot be rendered, and leaves none of their files", async () => {
    const { session, scratch } = await testSession(scenes);
    await using _ = session;
    const refusal = async (spec: Parameters<typeof session.render>[0]) => {
      const error: unknown = await session.render(spec, patience()).catch((thrown: unknown) => thrown);
      return (error as { code?: string }).code;
    };
    await session.load(scenes.path("plain.blend"), { remap: {} }, patience());
    const before = await filesBelow(scratch);
    expect(await refusal(raw(1, undefined, { scene: "Nowhere" }))).toBe("SCENE_UNKNOWN");
    expect(await refusal(raw(1, { x: 60, y: 0, width: 5, height: 5 }))).toBe("BLENDER_RENDER_FAILED");
    expect(await refusal(raw(1, { x: -1, y: 0, width: 5, height: 5 }))).toBe("BLENDER_RENDER_FAILED");
    expect(await refusal(raw(1, undefined, { width: 100_000 }))).toBe("BLENDER_RENDER_FAILED");
    expect(await refusal(raw(-3))).toBe("BLENDER_RENDER_FAILED");
    const movie = { kind: "files", scene: "Scene", frame: 1, output: { name: "film", format: "FFMPEG", useExtension: true } } as const;
    expect(await refusal(movie)).toBe("BLENDER_RENDER_FAILED");
    await session.load(scenes.path("no-camera.blend"), { remap: {} }, patience());
    expect(await refusal(raw(1))).toBe("SCENE_NO_CAMERA");
    expect(await refusal({ ...movie, output: { ...movie.output, format: "PNG" } })).toBe("SCENE_NO_CAMERA");
    await session.load(scenes.path("denoised.blend"), { remap: {} }, patience());
    expect(await refusal(raw(1, undefined, { denoise: "in-render" }))).toBe("DENOISER_MISSING");
    expect(await filesBelow(scratch)).toEqual(before);
    await session.load(scenes.path("plain.blend"), { remap: {} }, patience());
    const result = await session.render(raw(3), patience());
    expect(await differences(await plainRaw(scenes, "plain.blend", 3), result.raw ?? "")).toBe("");
  });

  it("fifty chunks without growing in memory", async () => {
    const { session } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("plain.blend"), { remap: {} }, patience());
    const peaks: number[] = [];
    for (let chunk = 0; chunk < 50; chunk++) {
      const rect = { x: chunk, y: 0, width: 14, height: 48 };
      peaks.push((await session.render(raw(1 + (chunk % 3), rect), patience())).peakMemoryBytes);
    }
    expect(peaks[0]).toBeGreaterThan(50_000_000);
    expect((peaks[49] ?? 0) - (peaks[9] ?? 0)).toBeLessThan(5_000_000);
  });
});

describe("a session ends", () => {
  it("with BLENDER_CRASHED when its Blender crashes during a render", async () => {
    const { session, process: blender } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("endless.blend"), { remap: {} }, patience());
    const rendering = session.render(raw(1), patience()).catch((thrown: unknown) => thrown);
    await delay(500);
    process.kill(blender.pid ?? 0, "SIGSEGV");
    expect(await rendering).toMatchObject({ code: "BLENDER_CRASHED" });
    await session.exited;
    await expect(session.render(raw(1), patience())).rejects.toMatchObject({ code: "BLENDER_CRASHED" });
  });

  it("with BLENDER_HUNG when it stops answering", async () => {
    const { session, process: blender } = await testSession(scenes, { renderTimeoutMs: () => 700 });
    await using _ = session;
    await session.load(scenes.path("plain.blend"), { remap: {} }, patience());
    process.kill(blender.pid ?? 0, "SIGSTOP");
    await expect(session.render(raw(1), patience())).rejects.toMatchObject({ code: "BLENDER_HUNG" });
    await session.exited;
  });

  it("with CANCELLED when the caller aborts a render", async () => {
    const { session } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("endless.blend"), { remap: {} }, patience());
    const giveUp = new AbortController();
    const rendering = session.render(raw(1), giveUp.signal).catch((thrown: unknown) => thrown);
    await delay(300);
    giveUp.abort();
    expect(await rendering).toMatchObject({ code: "CANCELLED" });
    await session.exited;
  });

  it("within a second after its standard input closes, during a render", async () => {
    const { session, process: blender } = await testSession(scenes);
    await using _ = session;
    await session.load(scenes.path("endless.blend"), { remap: {} }, patience());
    const rendering = session.render(raw(1), patience()).catch((thrown: unknown) => thrown);
    await delay(500);
    blender.stdin.end();
    await session.exited;
    expect(await rendering).toMatchObject({ code: "BLENDER_CRASHED" });
  });

  it("when its bridge is killed with -9", async () => {
    const bridge = spawn(process.execPath, [
      fileURLToPath(new URL("../fixtures/doomed-bridge.ts", import.meta.url)),
      scenes.path("endless.blend"),
      scenes.folder,
    ]);
    const lines = createInterface({ input: bridge.stdout })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    await delay(500);
    expect(isRunning(pid)).toBe(true);
    bridge.kill("SIGKILL");
    await until(async () => !(await isAlive(pid)));
  });
});

/** A zombie counts as ended, too. */
async function isAlive(pid: number): Promise<boolean> {
  return isRunning(pid) && (await processStat(pid))?.state !== "Z";
}

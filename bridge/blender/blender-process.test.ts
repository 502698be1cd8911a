import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPlainProcess } from "../sandbox/process/process-sandbox.ts";
import { BlenderProcess } from "./blender-process.ts";
import { FakeBlender } from "./fixtures/fake-blender.ts";
import { raw, patience, TEST_BUILD } from "./fixtures/session-kit.ts";
import { openSession } from "./render/session.ts";

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "blender-process-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function started(fake: FakeBlender): Promise<BlenderProcess> {
  return await BlenderProcess.start({ start: fake.start }, { blender: "blender", script: "donor_main.py", scratch }, patience());
}

describe("a Blender process", () => {
  it("answers requests, whatever else Blender prints", async () => {
    const fake = new FakeBlender();
    const blender = await started(fake);
    const answer = blender.request("load", {}, patience(), 5_000);
    fake.print('Fra:1 Mem:3M\n{"id": 1, "ok": true, "result": "a scene\'s own print"}\n\uFFFD\n');
    fake.print(`${"x".repeat(2_000_000)}\n`);
    fake.say({ id: 1, ok: true, result: 42 });
    expect(await answer).toBe(42);
    expect(Math.max(...blender.logTail(200).map((line) => line.length))).toBeLessThanOrEqual(500);
    await blender[Symbol.asyncDispose]();
  });

  it("leaves no Blender behind when the start is cancelled", async () => {
    const fake = new FakeBlender();
    const stop = new AbortController();
    const start: typeof fake.start = async (request) => {
      const running = await fake.start(request);
      stop.abort();
      return running;
    };
    const starting = BlenderProcess.start({ start }, { blender: "blender", script: "donor_main.py", scratch }, stop.signal);
    await expect(starting).rejects.toMatchObject({ name: "AbortError" });
    expect(fake.killed).toBe(true);
  });

  it("passes on an error with its code, a long message shortened, and an unknown code as BLENDER_SCRIPT_FAILED", async () => {
    const fake = new FakeBlender();
    const blender = await started(fake);
    const refused = blender.request("render", {}, patience(), 5_000).catch((thrown: unknown) => thrown);
    fake.say({ id: 1, ok: false, code: "SCENE_NO_CAMERA", message: "no camera".repeat(10_000) });
    expect(await refused).toMatchObject({ code: "SCENE_NO_CAMERA", message: expect.stringMatching(/^.{2000}$/) as unknown });
    const unknown = blender.request("render", {}, patience(), 5_000).catch((thrown: unknown) => thrown);
    fake.say({ id: 2, ok: false, code: "constructor", message: "?" });
    expect(await unknown).toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
    expect(fake.killed).toBe(false);
    await blender[Symbol.asyncDispose]();
  });

  it.each([
    "no json",
    "[]",
    '{"id": 1}',
    '{"id": 1, "ok": false}',
    '{"id": "1", "ok": true, "result": 1}',
    '{"id": 1, "ok": true, "result": 1, "more": 1}',
  ])("is ended when it prints the token and then %s", async (text) => {
    const fake = new FakeBlender();
    const blender = await started(fake);
    const answer = blender.request("load", {}, patience(), 5_000).catch((thrown: unknown) => thrown);
    fake.babble(text);
    expect(await answer).toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
    expect(fake.killed).toBe(true);
    await blender.exited;
  });

  it("fails all pending and later requests when it ends", async () => {
    const fake = new FakeBlender();
    const blender = await started(fake);
    const answers = [1, 2].map(async () => await blender.request("load", {}, patience(), 5_000).catch((thrown: unknown) => thrown));
    await turn();
    fake.end(11);
    for (const answer of answers)
      expect(await answer).toMatchObject({ code: "BLENDER_CRASHED", message: expect.stringContaining("exit code 11") as unknown });
    await expect(blender.request("load", {}, patience(), 5_000)).rejects.toMatchObject({ code: "BLENDER_CRASHED" });
  });

  it("is ended when it does not answer in time", async () => {
    const fake = new FakeBlender();
    const blender = await started(fake);
    await expect(blender.request("load", {}, patience(), 20)).rejects.toMatchObject({ code: "BLENDER_HUNG" });
    expect(fake.killed).toBe(true);
  });

  it("is BLENDER_NOT_FOUND when there is none, BLENDER_CRASHED when it is another program", async () => {
    const start = async (blender: string) =>
      await BlenderProcess.start({ start: startPlainProcess }, { blender, script: "donor_main.py", scratch }, patience());
    await expect(start(join(scratch, "nowhere"))).rejects.toMatchObject({ code: "BLENDER_NOT_FOUND" });
    await expect(start("/bin/true")).rejects.toMatchObject({ code: "BLENDER_CRASHED" });
  });

  it("ends at malformed input on its standard input", async () => {
    let stdin: NodeJS.WritableStream | undefined;
    const start: typeof startPlainProcess = async (request) => {
      const real = await startPlainProcess(request);
      stdin = real.stdin;
      return real;
    };
    const blender = await BlenderProcess.start({ start }, { blender: TEST_BUILD.path, script: "probe_main.py", scratch }, patience());
    stdin?.write("garbage\n");
    await blender.exited;
    await expect(blender.request("describe", {}, patience(), 5_000)).rejects.toMatchObject({ code: "BLENDER_CRASHED" });
  });
});

describe("a session rejects the answers of a compromised Blender", () => {
  it.each([
    ["a file elsewhere", { raw: "/etc/hostname" }],
    ["a way out of its folder", { outputs: ["../secret"] }],
    ["a link that leads out", { preview: "link.jpg" }],
    ["a file that is not there", { outputs: ["missing"] }],
    ["something else", { raw: 7 }],
    ["more than was agreed", { extra: true }],
  ])("when it names %s", async (_, named) => {
    const home = await mkdtemp(join(scratch, "session-"));
    await writeFile(join(scratch, "secret"), "secret");
    await symlink(join(scratch, "secret"), join(home, "link.jpg"));
    const inHome = (value: unknown) => (typeof value === "string" && !value.startsWith("/") ? join(home, value) : value);
    const paths = Object.entries(named).map(([key, value]) => [key, Array.isArray(value) ? value.map(inHome) : inHome(value)]);
    const fake = new FakeBlender();
    const session = await openSession({ start: fake.start }, { blender: TEST_BUILD, scratch: home, untrusted: false }, patience());
    const rendering = session.render(raw(1), patience()).catch((thrown: unknown) => thrown);
    const honest = { raw: null, outputs: [], preview: null, renderSeconds: 1, peakMemoryBytes: 1 };
    fake.say({ id: 1, ok: true, result: { ...honest, ...Object.fromEntries(paths) } });
    expect(await rendering).toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
    await session.close();
  });
});

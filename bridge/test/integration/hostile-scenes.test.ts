import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SandboxSize } from "../../sandbox/docker/container-sandbox.ts";
import { openSession } from "../../blender/render/session.ts";
import type { BlenderSession, StartProcess } from "../../blender/types.ts";
import { blenderIn } from "../../core/environments/facts.ts";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import { isFarmError } from "../../kernel/errors.ts";
import { INSIDE } from "../../sandbox/docker/container-config.ts";
import { SMALL, type TestSandbox, testSandbox } from "../../sandbox/fixtures/sandbox-kit.ts";
import { BLENDER } from "../blender-reference.ts";
import { timeLimitSignal } from "../time/time-limit.ts";

const CANARY = "as it was";
/** A memory limit for that many copies of Blender. */
const ROOMY = { cpus: 1, memoryBytes: 4 * 2 ** 30 };

let test: TestSandbox;
let server: Server;
let connections = 0;
let canary: string;
beforeAll(async () => {
  test = await testSandbox();
  canary = join(test.root, "canary");
  await writeFile(canary, CANARY);
  await chmod(canary, 0o666);
  server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const { port } = server.address() as { port: number };
  const script = fileURLToPath(new URL("../fixtures/hostile_scenes.py", import.meta.url));
  await execa(BLENDER, [
    "-b",
    "--factory-startup",
    "--python-exit-code",
    "1",
    "-P",
    script,
    "--",
    test.folders.scene,
    canary,
    String(port),
  ]);
  for (const name of await readdir(test.folders.scene)) await chmod(join(test.folders.scene, name), 0o644);
});
afterAll(async () => {
  server.close();
  await test[Symbol.asyncDispose]();
});

const RAW: ChunkSpec = {
  kind: "raw",
  scene: "Scene",
  frame: 1,
  width: 64,
  height: 48,
  rect: { x: 0, y: 0, width: 64, height: 48 },
  denoise: "none",
};
const FILES: ChunkSpec = { kind: "files", scene: "Scene", frame: 1, output: { name: "f_####", format: "PNG", useExtension: true } };

interface Attempt {
  /** Python that Blender runs before our own script, as if run by a scene. */
  readonly beaten?: string;
  readonly timeoutMs?: number;
  readonly size?: SandboxSize;
}

/** Renders a scene as a donor does. */
async function attempt(scene: string, spec: ChunkSpec, options: Attempt = {}) {
  const { beaten, timeoutMs = 120_000, size = SMALL } = options;
  let printed = "";
  const start: StartProcess = async (request) => {
    const at = request.args.indexOf("-P");
    const args = beaten === undefined ? request.args : request.args.toSpliced(at, 0, "--python-expr", beaten);
    const running = await test.sandbox.start({ ...request, args }, test.folders, size);
    running.stderr.on("data", (bytes: Buffer) => {
      printed = (printed + bytes.toString()).slice(0, 1_000_000);
    });
    return running;
  };
  const signal = timeLimitSignal(200_000);
  const blender = blenderIn(test.sandbox.environment!.facts);
  let session: BlenderSession | undefined;
  try {
    session = await openSession(
      { start },
      { blender, scratch: test.folders.scratch, threads: 1, untrusted: true, renderTimeoutMs: () => timeoutMs },
      signal,
    );
    await session.load(`${INSIDE.scene}/${scene}.blend`, { remap: {} }, signal);
    const { raw, outputs } = await session.render(spec, signal);
    return { code: "rendered", printed, files: [...(raw === undefined ? [] : [raw]), ...outputs] };
  } catch (error) {
    if (!isFarmError(error)) throw error;
    return { code: error.code, printed, files: [], message: error.message };
  } finally {
    await session?.close();
  }
}

async function expectNothingTouched(): Promise<void> {
  expect(connections).toBe(0);
  expect(await readFile(canary, "utf8")).toBe(CANARY);
  expect((await readdir(test.root)).toSorted()).toEqual(["canary", "scene", "scratch", "tools"]);
  await expect(readFile("/etc/attacked")).rejects.toMatchObject({ code: "ENOENT" });
  await expect(readFile("/root/attacked")).rejects.toMatchObject({ code: "ENOENT" });
}

describe("a hostile scene runs no code", () => {
  const cases: readonly (readonly [scene: string, spec: ChunkSpec, code: string])[] = [
    ["text", RAW, "rendered"],
    ["driver", RAW, "rendered"],
    ["freestyle", RAW, "rendered"],
    ["freestyle", FILES, "SCENE_RUNS_SCRIPTS"],
    ["handler", FILES, "rendered"],
    ["osl", RAW, "rendered"],
    ["file-output", FILES, "rendered"],
    ["climbing-paths", FILES, "rendered"],
    ["network-paths", RAW, "rendered"],
    ["fork-bomb", RAW, "rendered"],
    ["too-large", RAW, "MEMORY_EXCEEDED"],
    ["sleep", RAW, "rendered"],
    ["beacon", RAW, "rendered"],
  ];
  for (const [scene, spec, code] of cases) {
    it(`${scene}, as ${spec.kind}: ${code}`, async () => {
      const outcome = await attempt(scene, spec);
      expect(outcome.printed).not.toContain("THE ATTACK RAN");
      expect(outcome.code, outcome.message).toBe(code);
      for (const file of outcome.files) expect(file.startsWith(test.folders.scratch)).toBe(true);
      await expectNothingTouched();
    });
  }
});

/** Replaces our render code by Python, with all rights of this Blender. */
function inRender(source: string): string {
  const body = source
    .trim()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
  return `
import os, sys, time
sys.path.insert(0, "${INSIDE.tools}/scripts")
from p2p_blender.render import chunks
def attack(spec, folder, codec):
    sys.stderr.write("THE ATTACK RAN\\n"); sys.stderr.flush()
${body}
chunks.render_raw = attack
`;
}

describe("a scene that runs code in its Blender is contained by the sandbox", () => {
  const cases: readonly (readonly [what: string, source: string, code: string])[] = [
    ["forks without end", "while True:\n  try:\n    if os.fork() == 0: time.sleep(100000)\n  except OSError: pass", "PROCESSES_EXCEEDED"],
    ["takes memory without end", "kept = []\nwhile True: kept.append(bytearray(2**24))", "MEMORY_EXCEEDED"],
    ["sleeps for ever", "time.sleep(100000)", "BLENDER_HUNG"],
    [
      "loops for ever and ignores signals",
      "import signal\nfor s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nwhile True: pass",
      "BLENDER_HUNG",
    ],
    ["fills its scratch", 'with open("/tmp/fill", "wb", buffering=0) as f:\n  while True: f.write(bytes(2**20))', "SCRATCH_FULL"],
    ["floods its output", 'while True: os.write(2, b"x" * 65536)', "OUTPUT_EXCEEDED"],
    ["crashes", "import ctypes\nctypes.string_at(0)", "BLENDER_CRASHED"],
    ["exits with the code of a memory kill", "os._exit(137)", "BLENDER_CRASHED"],
    [
      "returns a link to a file of the host",
      'os.symlink("/etc/passwd", folder + "/a.exr")\nreturn folder + "/a.exr", 0.1',
      "BLENDER_SCRIPT_FAILED",
    ],
    ["returns a device", 'return "/dev/zero", 0.1', "BLENDER_SCRIPT_FAILED"],
    ["returns a file of the image", 'return "/etc/passwd", 0.1', "BLENDER_SCRIPT_FAILED"],
    ["returns a sparse file of 1 TiB", 'p = folder + "/a.exr"\nopen(p, "wb").truncate(2**40)\nreturn p, 0.1', "BLENDER_SCRIPT_FAILED"],
    ["returns a file name with a line break", 'p = folder + "/a\\n.exr"\nopen(p, "wb").close()\nreturn p, 0.1', "BLENDER_SCRIPT_FAILED"],
    [
      "sends an invalid message with our token",
      'import gc\nfrom p2p_blender.common import wire\nours = next(each for each in gc.get_objects() if isinstance(each, wire.Wire))\nours._out.write(ours._token + " {]\\n")\nours._out.flush()\ntime.sleep(100000)',
      "BLENDER_SCRIPT_FAILED",
    ],
  ];
  for (const [what, source, code] of cases) {
    it(`${what}: ${code}`, async () => {
      const outcome = await attempt("text", RAW, {
        beaten: inRender(source),
        timeoutMs: code === "BLENDER_HUNG" ? 5_000 : 120_000,
        size: code === "PROCESSES_EXCEEDED" ? ROOMY : SMALL,
      });
      expect(outcome.printed).toContain("THE ATTACK RAN");
      expect(outcome.code, outcome.message).toBe(code);
      // Else the attack failed by a mistake of its own, which shows nothing.
      expect(`${outcome.message} ${outcome.printed}`).not.toMatch(/(Import|ModuleNotFound|Name|Attribute|Syntax|Type)Error/);
      await expectNothingTouched();
    });
  }

  it("runs its own scripts with auto-execution enabled, and the next scene is rendered", async () => {
    const texts = "import bpy\nbpy.context.preferences.filepaths.use_scripts_auto_execute = True\n";
    for (const scene of ["text", "driver", "handler"]) {
      const openWithScripts = `${texts}bpy.ops.wm.open_mainfile(filepath="${INSIDE.scene}/${scene}.blend", use_scripts=True)`;
      const outcome = await attempt(scene, RAW, { beaten: openWithScripts });
      expect(outcome.printed, scene).toContain("THE ATTACK RAN");
      await expectNothingTouched();
    }
    expect(await attempt("text", RAW)).toMatchObject({ code: "rendered" });
  });
});

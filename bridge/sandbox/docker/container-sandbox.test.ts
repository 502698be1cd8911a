import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INSIDE } from "./container-config.ts";
import { ContainerSandbox } from "./container-sandbox.ts";
import {
  cpuDuring,
  ENGINE,
  lineFrom,
  ODD_IMAGES,
  SMALL,
  sandboxesOf,
  type TestSandbox,
  testSandbox,
  told,
} from "../fixtures/sandbox-kit.ts";
import { processFingerprint, SANDBOX_LABELS } from "../process/orphaned-containers.ts";
import { until } from "../../test/time/until.ts";
import { timeLimit } from "../../test/time/time-limit.ts";

let test: TestSandbox;
beforeAll(async () => {
  test = await testSandbox();
});
afterAll(() => test[Symbol.asyncDispose]());

const SLEEP = "import time; print('here', flush=True); time.sleep(600)";
const SPIN = "import os\nos.fork(); os.fork()\nprint('here', flush=True)\nwhile True: pass";

describe("the container request for a sandbox", () => {
  it("has every flag, and nothing more", async () => {
    const running = await test.python(SLEEP);
    const { HostConfig, Config, Image, Mounts, NetworkSettings } = await ENGINE.getContainer(running.id).inspect();
    running.kill();
    await running.exited;
    expect(Image).toBe(test.sandbox.environment?.id);
    expect(Config).toMatchObject({
      Image: test.sandbox.environment?.id,
      User: "10001:10001",
      Tty: false,
      OpenStdin: true,
      StdinOnce: true,
      NetworkDisabled: true,
      Labels: expect.objectContaining({ [SANDBOX_LABELS.node]: `test-${process.pid}`, [SANDBOX_LABELS.maker]: await processFingerprint() }),
    });
    expect(HostConfig).toMatchObject({
      NetworkMode: "none",
      IpcMode: "none",
      PidMode: "",
      UTSMode: "",
      UsernsMode: "",
      CgroupnsMode: "private",
      Privileged: false,
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      AutoRemove: false,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "none" },
      OomScoreAdj: 500,
      OomKillDisable: false,
      Init: false,
      NanoCpus: 1e9,
      CpuShares: 128,
      Memory: SMALL.memoryBytes,
      MemorySwap: SMALL.memoryBytes,
      PidsLimit: 260,
      Tmpfs: { "/tmp": `rw,nosuid,nodev,noexec,size=${SMALL.memoryBytes / 2},mode=1777` },
      Ulimits: [
        { Name: "nofile", Soft: 4096, Hard: 4096 },
        { Name: "nproc", Soft: 4096, Hard: 4096 },
        { Name: "core", Soft: 0, Hard: 0 },
      ],
    });
    expect(
      Mounts.map(({ Type, Source, Destination, RW }) => ({ Type, Source, Destination, RW })).toSorted((a, b) =>
        a.Source < b.Source ? -1 : 1,
      ),
    ).toEqual([
      { Type: "bind", Source: test.folders.scene, Destination: INSIDE.scene, RW: false },
      { Type: "bind", Source: join(test.root, "tools"), Destination: INSIDE.tools, RW: false },
    ]);
    for (const none of ["PortBindings", "Devices", "DeviceRequests", "VolumesFrom", "Binds", "CapAdd", "GroupAdd", "Links"] as const) {
      expect(Object.values(HostConfig[none] ?? {}), none).toEqual([]);
    }
    expect(Object.keys(NetworkSettings.Networks).filter((name) => name !== "none")).toEqual([]);
  });

  it("passes no environment variables of this machine to the program", async () => {
    const { output } = await told(await test.python("import os, json; print(json.dumps(dict(os.environ)))"));
    const seen = JSON.parse(output) as Record<string, string>;
    const own = Object.entries(process.env).filter(([name, value]) => seen[name] === value && !["PATH", "LANG", "LC_ALL"].includes(name));
    expect(own).toEqual([]);
  });
});

describe("a program in a sandbox", () => {
  it("runs without user, capabilities or network", async () => {
    await writeFile(join(test.folders.scene, "scene.blend"), "a scene", { mode: 0o644 });
    const payload = await readFile(fileURLToPath(new URL("../fixtures/probe.py", import.meta.url)), "utf8");
    const { output, errors } = await told(await test.python(payload));
    const found = JSON.parse(output || errors) as Record<string, unknown>;
    expect(found["reached"]).toEqual([]);
    expect(found).toMatchObject({
      ids: [10001, 10001],
      groups: [],
      capabilities: ["0000000000000000"],
      noNewPrivileges: "1",
      seccomp: "2",
      interfaces: ["lo"],
      scene: "a scene",
      processOne: "supervised",
      niceness: 19,
    });
  });

  it("reads its input and writes its output, and its sandbox ends with it", async () => {
    const running = await test.python("import sys; print(sys.stdin.read()[::-1], end=''); print('aside', file=sys.stderr); sys.exit(3)");
    const big = "0123456789".repeat(300_000);
    running.stdin.write(big);
    running.stdin.end();
    const { output, errors, exitCode } = await told(running);
    expect(output).toBe(big.split("").toReversed().join(""));
    expect(errors).toContain("aside");
    expect(exitCode).toBe(3);
    await expect(ENGINE.getContainer(running.id).inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  it("cannot imitate its supervisor", async () => {
    const { output, reason } = await told(
      await test.python("import sys; sys.stdout.buffer.write(b'z\\0\\0\\0\\x09processes'); sys.exit(5)"),
    );
    expect(output).toContain("processes");
    expect(reason).toBeUndefined();
  });
});

describe("limits of a sandbox", () => {
  it("CPU: four busy processes use no more than the one allowed core", async () => {
    const running = await test.python(SPIN);
    await lineFrom(running, "here");
    const { used, passed } = await cpuDuring(running.id, 5_000);
    running.kill();
    await running.exited;
    expect(used / passed).toBeLessThanOrEqual(1.05);
    expect(used).toBeGreaterThan(0);
  });

  it("CPU: the limit can be changed while it runs", async () => {
    const running = await test.python(SPIN);
    await lineFrom(running, "here");
    await running.resize({ cpus: 0.25, memoryBytes: SMALL.memoryBytes });
    const { used, passed } = await cpuDuring(running.id, 4_000);
    running.kill();
    await running.exited;
    expect(used / passed).toBeLessThanOrEqual(0.3);
  });

  it("memory: a program over the limit is ended, with another code than a crash", async () => {
    const hungry = "b = []\nwhile True: b.append(bytearray(2**24))";
    const { reason } = await told(await test.python(hungry, { cpus: 1, memoryBytes: 128 * 2 ** 20 }));
    expect(reason).toMatchObject({ code: "MEMORY_EXCEEDED" });
    expect(reason?.message).toContain("128 MiB");
  });

  it("memory: also when only a child process was killed", async () => {
    const child = "import os\nif os.fork() == 0:\n  b = []\n  while True: b.append(bytearray(2**24))\nos.wait(); os._exit(0)";
    const { reason, exitCode } = await told(await test.python(child, { cpus: 1, memoryBytes: 128 * 2 ** 20 }));
    expect(reason).toMatchObject({ code: "MEMORY_EXCEEDED" });
    expect(exitCode).toBe(0);
  });

  it("a program that kills itself with SIGKILL is not reported as out of memory", async () => {
    const { reason, signal } = await told(await test.python("import os; os.kill(os.getpid(), 9)"));
    expect({ reason, signal }).toEqual({ reason: undefined, signal: "SIGKILL" });
  });

  it("processes: a fork bomb ends at the limit, with its own code, and the engine keeps working", async () => {
    const { reason } = await told(await test.python("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"));
    expect(reason).toMatchObject({ code: "PROCESSES_EXCEEDED" });
    expect(await ENGINE.ping()).toBeTruthy();
  });

  it("scratch: writes beyond its size fail, and none of this machine's disk is used", async () => {
    const fill = `
n = 0
try:
  with open("/tmp/fill", "wb", buffering=0) as f:
    while True: n += f.write(bytes(2**20))
except OSError as e: print(e.errno, n)`;
    const { output } = await told(await test.python(fill));
    expect(output.trim()).toBe(`28 ${SMALL.memoryBytes / 2}`);
  });

  it("output: too much on either stream ends it", async () => {
    for (const stream of [1, 2]) {
      const flood = `import os\nwhile True: os.write(${stream}, b"x" * 65536)`;
      const running = await test.python(flood);
      running.stdout.resume();
      running.stderr.resume();
      expect((await running.exited).reason).toMatchObject({ code: "OUTPUT_EXCEEDED" });
    }
  });
});

describe("files copied out of a sandbox", () => {
  const MADE = `
import os, time
os.mkdir("/tmp/out")
os.chdir("/tmp/out")
open("picture.exr", "wb").write(bytes(range(256)) * 4096)
os.symlink("/etc/passwd", "link.exr")
os.symlink("/etc", "folder")
try: os.mkfifo("pipe.exr")
except PermissionError: pass  # not even that
os.truncate(os.open("sparse.exr", os.O_CREAT | os.O_WRONLY), 2**40)
open("empty.exr", "wb")
print("here", flush=True)
time.sleep(600)`;

  it("arrive unchanged, once, and no others do", async () => {
    const running = await test.python(MADE);
    await lineFrom(running, "here");
    const home = join(test.folders.scratch, "taken");
    await mkdir(home);
    let count = 0;
    const take = async (path: string) => {
      const toPath = join(home, `${count++}`);
      await running.take([{ path, toPath }]);
      return await readFile(toPath);
    };
    const picture = await take("/tmp/out/picture.exr");
    expect(picture.equals(Buffer.alloc(256 * 4096, Buffer.from([...Array(256).keys()])))).toBe(true);
    expect(await take("/tmp/out/empty.exr")).toHaveLength(0);
    const refused = [
      "picture.exr",
      "link.exr",
      "pipe.exr",
      "sparse.exr",
      "folder/passwd",
      "../../etc/passwd",
      ".",
      "nothing.exr",
      "x".repeat(5_000),
    ];
    for (const name of [...refused.map((each) => `/tmp/out/${each}`), "/etc/passwd", "/proc/1/environ", "/proc/self/mem", "", "a\0b"]) {
      await expect(take(name), name.slice(0, 60)).rejects.toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
    }
    running.kill();
    await running.exited;
    await expect(take("/tmp/out/empty.exr")).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("never overwrite existing files", async () => {
    const running = await test.python(MADE);
    await lineFrom(running, "here");
    const toPath = join(test.folders.scratch, "there");
    await writeFile(toPath, "mine");
    await expect(running.take([{ path: "/tmp/out/picture.exr", toPath }])).rejects.toMatchObject({ code: "EEXIST" });
    expect(await readFile(toPath, "utf8")).toBe("mine");
    running.kill();
    await running.exited;
  });
});

describe("an image that is no environment", () => {
  /** An image made from the tests' environment by Dockerfile changes; removed when disposed. */
  async function image(...changes: string[]) {
    const name = `${ODD_IMAGES}${process.pid}:odd`;
    const base = await ENGINE.createContainer({ Image: test.sandbox.environment!.id, Cmd: ["true"] });
    await ENGINE.getContainer(base.id).commit({ repo: name.split(":")[0], tag: "odd", changes: changes.join("\n") });
    await base.remove();
    return { name, [Symbol.asyncDispose]: async () => void (await ENGINE.getImage(name).remove({ force: true })) };
  }
  const prepared = async (environment: string) => {
    const sandbox = await ContainerSandbox.open({ environment });
    const tools = join(test.root, `tools-${Math.random()}`);
    await sandbox.prepare({ node: `test-${process.pid}`, tools, scripts: test.folders.scripts });
    return sandbox;
  };

  it("is refused when it declares a volume", async () => {
    await using odd = await image("VOLUME /data");
    await expect(prepared(odd.name)).rejects.toMatchObject({ code: "SANDBOX_UNSAFE", message: expect.stringContaining("volume") });
  });

  it("is not found when it has no labels of its Blender", async () => {
    await using odd = await image("LABEL io.p2p-render.blender.path=relative/blender");
    await expect(prepared(odd.name)).rejects.toMatchObject({ code: "ENVIRONMENT_MISSING" });
    await expect(prepared("no/such:image")).rejects.toMatchObject({ code: "ENVIRONMENT_MISSING" });
  });

  it("is reported missing when it is removed while a donor works", async () => {
    const odd = await image("LABEL will-be=removed");
    const sandbox = await prepared(odd.name);
    await odd[Symbol.asyncDispose]();
    const start = sandbox.start({ command: "/bin/true", args: [] }, test.folders, SMALL);
    await expect(start).rejects.toMatchObject({ code: "ENVIRONMENT_MISSING" });
  });

  it("does not run its own entry point beside our program", async () => {
    await using odd = await image(
      'ENTRYPOINT ["/bin/false"]',
      "ENV LD_PRELOAD=",
      "HEALTHCHECK --interval=1s CMD touch /tmp/ill",
      "USER root",
    );
    await expect(prepared(odd.name)).resolves.toBeDefined();
  });
});

async function untilNoneRuns(node: string): Promise<void> {
  await until(async () => (await sandboxesOf(node)).every(({ State }) => State !== "running"));
}

describe("life cycle of a sandbox", () => {
  it("can be paused, resumed, and ended while it is paused", async () => {
    const running = await test.python(SPIN);
    await lineFrom(running, "here");
    await running.freeze();
    expect((await cpuDuring(running.id, 1_000)).used).toBe(0);
    await running.thaw();
    expect((await cpuDuring(running.id, 1_000)).used).toBeGreaterThan(0);
    await running.freeze();
    running.kill();
    expect((await running.exited).reason).toMatchObject({ code: "CANCELLED" });
  });

  it("is ended by its maximum age, but not by silence during a pause", async () => {
    await using brief = await testSandbox(`test-${process.pid}`, { idleSeconds: 5, deadlineSeconds: timeLimit(20_000) / 1_000 });
    const running = await brief.python(SLEEP);
    await lineFrom(running, "here");
    await running.freeze();
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    await running.thaw();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect((await ENGINE.getContainer(running.id).inspect()).State.Running).toBe(true);
    expect((await running.exited).reason).toMatchObject({ code: "BLENDER_HUNG" });
  });

  it("ends when its bridge is alive but silent", async () => {
    const node = `silent-${process.pid}`;
    await using doomed = await doomedBridge(node);
    doomed.signal("SIGSTOP");
    await untilNoneRuns(node);
    const [left] = await sandboxesOf(node);
    expect((await ENGINE.getContainer(left?.Id ?? "").inspect()).State).toMatchObject({ Running: false, ExitCode: 76 });
  });

  it("ends with its bridge, also when that is killed; the next start removes the container", async () => {
    const node = `doomed-${process.pid}`;
    await using doomed = await doomedBridge(node);
    expect(await sandboxesOf(node)).toMatchObject([{ State: "running" }]);
    doomed.signal("SIGKILL");
    await untilNoneRuns(node);
    expect((await sandboxesOf(node)).map(({ State }) => State)).toEqual(["exited"]);
    await using next = await testSandbox(node);
    expect(next).toBeDefined();
    expect(await sandboxesOf(node)).toEqual([]);
  });

  it("is not removed by another bridge of the node while its own bridge lives", async () => {
    const running = await test.python(SLEEP);
    await using other = await testSandbox(`test-${process.pid}`);
    expect(other).toBeDefined();
    expect((await ENGINE.getContainer(running.id).inspect()).State.Running).toBe(true);
    running.kill();
    await running.exited;
  });
});

/** Another bridge with one sandbox; when disposed it is killed and its leftovers are removed. */
async function doomedBridge(node: string) {
  const child = execa(process.execPath, [fileURLToPath(new URL("../fixtures/doomed-donor.ts", import.meta.url)), node], { reject: false });
  await Promise.race([
    new Promise((resolve) => child.stdout.once("data", resolve)),
    child.then(({ stderr }) => Promise.reject(new Error(`the bridge ended: ${stderr}`))),
  ]);
  return {
    signal: (name: NodeJS.Signals) => child.kill(name),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child;
      for (const { Id } of await sandboxesOf(node)) await ENGINE.getContainer(Id).remove({ force: true });
    },
  };
}

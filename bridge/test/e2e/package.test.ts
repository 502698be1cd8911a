import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../kernel/version.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));

interface Answer {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

async function run(command: string, args: readonly string[], options: { cwd?: string; path?: string } = {}): Promise<Answer> {
  const startedAt = performance.now();
  const env = { ...process.env, PATH: options.path ?? [dirname(process.execPath), process.env["PATH"]].join(":") };
  const done = (exitCode: number, out: string, err: string): Answer => ({ exitCode, out, err, ms: performance.now() - startedAt });
  try {
    const { stdout, stderr } = await promisify(execFile)(command, [...args], { cwd: options.cwd ?? PROJECT, env, maxBuffer: 64 * 2 ** 20 });
    return done(0, stdout, stderr);
  } catch (error) {
    const failed = error as Error & { code?: number; stdout?: string; stderr?: string };
    return done(typeof failed.code === "number" ? failed.code : -1, failed.stdout ?? "", `${failed.stderr ?? ""}${failed.message}`);
  }
}

/** With the help alone it is three; with libp2p loaded, five and more. */
const MOST_NODES = 4;

/** How many times longer it takes than an empty Node script: the fastest of up to thirty runs of each, to exclude other load. */
async function timesNode(command: string, args: readonly string[]): Promise<number> {
  let [ours, nodes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let again = 0; again < 30 && (again < 3 || ours >= MOST_NODES * nodes); again++) {
    nodes = Math.min(nodes, (await run(process.execPath, ["-e", "0"])).ms);
    ours = Math.min(ours, (await run(command, args)).ms);
  }
  return ours / nodes;
}

/** The modules that `entry` imports statically. */
async function loadedAtOnce(entry: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = await readFile(entry, "utf8");
  for (const [, from, bare = ""] of text.matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)";|^import "(\.[^"]+)";/gm)) {
    await loadedAtOnce(join(dirname(entry), from ?? bare), seen);
  }
  return seen;
}

/** Starts a program and waits for an output line that matches `wanted`; `stop` ends it and waits. */
async function startUntil(command: string, args: readonly string[], wanted: RegExp): Promise<{ line: string; stop: () => Promise<void> }> {
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env["PATH"]].join(":") };
  const child = spawn(command, [...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (wanted.test(line)) return { line, stop };
  }
  throw new Error(`${command} ended without printing ${wanted}`);
}

describe("the package that npm pack makes", () => {
  let root = "";
  let files: string[] = [];
  const installed = (name: string) => join(root, "global", "bin", name);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "package-test-"));
    const packed = await run("npm", ["pack", "--pack-destination", root, "--loglevel=error"]);
    expect(packed, packed.err).toMatchObject({ exitCode: 0 });
    const tarball = (await readdir(root)).find((name) => name.endsWith(".tgz"));
    if (tarball === undefined) throw new Error(`no tarball:\n${packed.out}${packed.err}`);
    files = (await run("tar", ["-tzf", join(root, tarball)])).out.trim().split("\n");
    const install = [
      "install",
      "--global",
      "--prefix",
      join(root, "global"),
      join(root, tarball),
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
    ];
    const made = await run("npm", install, { cwd: root });
    expect(made, made.err).toMatchObject({ exitCode: 0 });
  });

  afterAll(async () => {
    await rm(root, { recursive: true, force: true });
  });

  test("holds the built program and its scripts, and no sources", () => {
    expect(files).toContain("package/dist/bridge.js");
    expect(files).toContain("package/dist/scripts/p2p_blender/common/wire.py");
    expect(files).toContain("package/dist/THIRD-PARTY-LICENCES.txt");
    expect(files).toContain("package/LICENSE");
    expect(files.filter((file) => /\.ts$|test|\/setup\//.test(file))).toEqual([]);
  });

  test.each(["bridge", "p2p-render"])("installs globally as %s", async (name) => {
    expect(await run(installed(name), ["--version"], { cwd: tmpdir() })).toMatchObject({ exitCode: 0, out: `${VERSION}\n` });
  });

  test("prints --help almost as fast as an empty Node script: libp2p is not loaded for it", async () => {
    expect(await timesNode(installed("bridge"), ["--help"])).toBeLessThan(MOST_NODES);
  });

  test("loads less than 300 kB at start: libp2p is in its own chunk", async () => {
    const dist = join(root, "global", "lib", "node_modules", "p2p-render", "dist");
    let bytes = 0;
    for (const file of await loadedAtOnce(join(dist, "bridge.js"))) bytes += (await stat(file)).size;
    const all = (await readdir(dist)).filter((name) => name.endsWith(".js"));
    expect(all.length).toBeGreaterThan(5);
    expect(bytes).toBeLessThan(300_000);
  });

  test("joins a swarm: its libp2p works from the bundle", async () => {
    const home = (name: string): string => join(root, name);
    const listening = ["donate", "--sandbox", "process", "--home", home("donor"), "--json", "--no-lan", "--listen", "/ip4/127.0.0.1/tcp/0"];
    const donor = await startUntil(installed("bridge"), listening, /"listening"/);
    try {
      const { peerId, multiaddrs } = JSON.parse(donor.line) as { peerId: string; multiaddrs: string[] };
      const peers = await run(installed("bridge"), [
        "peers",
        "--home",
        home("looker"),
        "--json",
        "--wait",
        "2",
        "--peer",
        String(multiaddrs[0]),
      ]);
      expect(peers, peers.err).toMatchObject({ exitCode: 0 });
      expect(peers.out).toContain(peerId);
    } finally {
      await donor.stop();
    }
  });

  test("renders: its scripts and its workers are found", async () => {
    const scene = join(root, "cube.blend");
    const small =
      "import bpy; r = bpy.context.scene.render; r.engine = 'CYCLES'; r.resolution_x = 48; r.resolution_y = 32; c = bpy.context.scene.cycles; c.samples = 1; c.use_denoising = False";
    const made = await run("blender", [
      "-b",
      "--factory-startup",
      "--python-expr",
      `${small}; bpy.ops.wm.save_as_mainfile(filepath='${scene}')`,
    ]);
    expect(made, made.err).toMatchObject({ exitCode: 0 });
    const flags = [
      "--home",
      join(root, "artist"),
      "--tiles",
      "2x1",
      "--local",
      "1",
      "-o",
      join(root, "out", "f_####"),
      "-F",
      "PNG",
      "-x",
      "1",
      "-f",
      "1",
    ];
    const rendered = await run(installed("bridge"), ["render", scene, ...flags]);
    expect(rendered, rendered.out + rendered.err).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(root, "out"))).toEqual(["f_0001.png"]);
  });

  test("returns exit codes", async () => {
    expect(await run(installed("bridge"), ["render", join(root, "absent.blend")])).toMatchObject({ exitCode: 2 });
    expect(await run(installed("bridge"), ["no-such-command"])).toMatchObject({ exitCode: 2 });
  });
});

describe("a checkout", () => {
  test("runs as `npx bridge`", async () => {
    expect(await run("npx", ["bridge", "--version"])).toMatchObject({ exitCode: 0, out: `${VERSION}\n` });
  });

  test("prints --help almost as fast as an empty Node script", async () => {
    expect(await timesNode(process.execPath, ["bridge/bin/bridge.mjs", "--help"])).toBeLessThan(4);
  });

  test("has the version of package.json", async () => {
    const { version } = JSON.parse(await readFile(join(PROJECT, "package.json"), "utf8")) as { version: string };
    expect(version).toBe(VERSION);
  });

  test("without set-up names the command that sets it up", async () => {
    const bare = await mkdtemp(join(tmpdir(), "bare-checkout-"));
    try {
      for (const part of ["bridge/bin", "bridge/cli", "package.json"]) await cp(join(PROJECT, part), join(bare, part), { recursive: true });
      const answer = await run(process.execPath, [join(bare, "bridge/bin/bridge.mjs"), "--help"]);
      expect(answer).toMatchObject({ exitCode: 2, out: "" });
      expect(answer.err).toContain("npm run setup");
    } finally {
      await rm(bare, { recursive: true, force: true });
    }
  });
});

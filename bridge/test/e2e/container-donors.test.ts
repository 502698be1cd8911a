import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpuDuring, ENGINE, sandboxesOf, testEnvironment } from "../../sandbox/fixtures/sandbox-kit.ts";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { bridge, type RunningDonor, runBridge, SAMPLES, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { filesWith } from "../processes.ts";
import { comparePictures } from "../same-picture.ts";
import { saveVariant } from "../sample-variant.ts";
import { expectSamePicture } from "../sample-scene.ts";
import { until } from "../time/until.ts";

const MARKER = "bytes-that-only-this-scene-has-91c4";

let root: string;
let environment: string;
let donors: RunningDonor[];
/** A render of some seconds on one thread. */
let slow: string;
/** A render of less than a second. */
let quick: string;
/** More memory than a donor of this test provides. */
let large: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-containers-"));
  environment = await testEnvironment();
  [slow, quick, large] = ["slow", "quick", "large"].map((name) => join(root, `${name}.blend`)) as [string, string, string];
  await cp(join(SAMPLES, "hot-corner.blend"), quick);
  await variant(slow, "for each in bpy.data.scenes: each.cycles.samples = 60");
  const hungry =
    "for index in range(5):\n    modifier = bpy.data.objects[0].modifiers.new('more', 'SUBSURF')\n    modifier.render_levels = 3";
  await variant(large, `import bmesh\nbpy.ops.mesh.primitive_cube_add()\n${hungry.replace("bpy.data.objects[0]", "bpy.context.object")}`);
  await renderReference(slow, ["-o", join(root, "reference", "f_####"), "-f", "1"], join(root, "reference"));
  donors = await Promise.all(["a", "b"].map((name) => containerDonor(name)));
});
afterAll(async () => {
  await Promise.all(donors.map((donor) => donor[Symbol.asyncDispose]()));
  await rm(root, { recursive: true, force: true });
});

async function containerDonor(name: string, more: readonly string[] = []): Promise<RunningDonor> {
  return await startDonor(join(root, `donor-${name}`), ["--cpus", "1", "--memory", "1g", ...more], { environment });
}

/** The sample scene, changed by Python, with the marker uncompressed in its file. */
async function variant(path: string, change: string): Promise<void> {
  await saveVariant("hot-corner.blend", path, [change, `bpy.data.texts.new("note").write(${JSON.stringify(MARKER)})`]);
}

function renderArgs(name: string, scene: string, peers: readonly RunningDonor[]): string[] {
  const to = ["-o", join(root, name, "f_####"), "-f", "1", "--tiles", "1x1", "--verify", "off", "--no-local"];
  const swarm = ["--swarm", TEST_SWARM, ...peers.flatMap(({ address }) => ["--peer", address]), "--blender", BLENDER];
  return ["render", scene, ...to, ...swarm, "--json", "--home", join(root, `${name}-home`)];
}

/** The sandboxes that a donor has running now. */
async function running({ peerId }: RunningDonor) {
  return (await sandboxesOf(peerId)).filter(({ State }) => State === "running" || State === "paused");
}

async function startedSandbox(donor: RunningDonor): Promise<string> {
  let id: string | undefined;
  await until(async () => (id = (await running(donor))[0]?.Id) !== undefined);
  return id ?? "";
}

describe("two donors with containers render the same picture as plain Blender", () => {
  const still = (file: string, frame = 1) => ({
    name: `${file}-still`,
    file,
    swarm: ["-f", String(frame), "--tiles", "3x2"],
    blender: ["-f", String(frame)],
  });
  const animation = (file: string) => ({ name: `${file}-animation`, file, swarm: ["-a"], blender: ["-a"] });
  for (const render of [
    still("layers-cryptomatte"),
    still("linked"),
    still("file-output"),
    still("freestyle"),
    animation("cloth"),
    animation("workbench"),
  ]) {
    it(`${render.name}`, () => expectSamePicture({ root, donors }, render));
  }
});

describe("a donor with containers", () => {
  it("reports a scene that needs too much memory as such, and does the next job", async () => {
    const run = await runBridge(renderArgs("large", large, donors));
    expect(run.exitCode, story(run)).toBe(3);
    const codes = run.lines.filter(({ event }) => event === "chunk-failed").map(({ code }) => code);
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(["MEMORY_EXCEEDED"]));
    expect(run.lines.at(-1)).toMatchObject({ event: "job-ended", outcome: "incomplete" });
    const next = await runBridge(renderArgs("after-large", quick, donors));
    expect(next.exitCode, story(next)).toBe(0);
  });

  it("retries a chunk once when its Blender is killed", async () => {
    await using donor = await containerDonor("killed-blender");
    const run = bridge(renderArgs("killed-blender", slow, [donor]));
    await run.line(({ event }) => event === "chunk-started");
    const id = await startedSandbox(donor);
    await until(async () => await killBlender(id));
    const { exitCode, stderr } = await run.child;
    expect(exitCode, story({ stderr, lines: run.lines })).toBe(0);
    expect(run.lines.filter(({ event }) => event === "chunk-failed")).toMatchObject([{ code: "BLENDER_CRASHED" }]);
    expect(run.lines.filter(({ event }) => event === "chunk-started")).toHaveLength(2);
    expect(await comparePictures(join(root, "killed-blender"), join(root, "reference"))).toEqual([]);
  });

  it("leaves no running container when it is killed, and no container at all after its next start", async () => {
    const donor = await containerDonor("killed");
    const run = bridge(renderArgs("killed-donor", slow, [donor]));
    await run.line(({ event }) => event === "chunk-started");
    await startedSandbox(donor);
    donor.kill();
    await until(async () => (await running(donor)).length === 0);
    run.child.kill("SIGKILL");
    await using again = await containerDonor("killed");
    expect(again.peerId).toBe(donor.peerId);
    expect(await sandboxesOf(donor.peerId)).toEqual([]);
    expect(await filesWith(join(root, "donor-killed", "scratch"), MARKER)).toEqual([]);
    expect(await filesWith(join(root, "donor-killed", "scenes"), MARKER)).toEqual([]);
  });

  it("removes its sandbox as soon as the requester cancels", async () => {
    await using donor = await containerDonor("cancelled");
    const run = bridge(renderArgs("cancelled", slow, [donor]));
    await run.line(({ event }) => event === "chunk-started");
    await startedSandbox(donor);
    run.child.kill("SIGINT");
    await until(async () => (await running(donor)).length === 0);
    await run.child;
    await until(async () => (await sandboxesOf(donor.peerId)).length === 0);
    await until(async () => (await filesWith(join(root, "donor-cancelled", "scenes"), MARKER)).length === 0);
    expect(await filesWith(join(root, "donor-cancelled", "scratch"), MARKER)).toEqual([]);
  });

  it("pauses on its owner's command, changes its CPU share while it runs, and renders the same picture", async () => {
    const home = join(root, "donor-owned");
    await using donor = await containerDonor("owned");
    const owner = (...verb: string[]) => runBridge(["donate", ...verb, "--home", home, "--json"]);
    const run = bridge(renderArgs("owned", slow, [donor]));
    await run.line(({ event }) => event === "chunk-started");
    const id = await startedSandbox(donor);
    await owner("pause");
    expect((await cpuDuring(id, 1_000)).used).toBe(0);
    await owner("resume");
    expect((await cpuDuring(id, 1_000)).used).toBeGreaterThan(0);
    await owner("set", "cores=2");
    await until(async () => (await ENGINE.getContainer(id).inspect()).HostConfig.NanoCpus === 2e9);
    const { exitCode, stderr } = await run.child;
    expect(exitCode, story({ stderr, lines: run.lines })).toBe(0);
    expect(run.lines.filter(({ event }) => event === "chunk-failed")).toEqual([]);
    expect(await comparePictures(join(root, "owned"), join(root, "reference"))).toEqual([]);
  });
});

describe("a donor without a container engine", () => {
  const donate = (...args: string[]) =>
    runBridge(["donate", "--home", join(root, "poor"), "--json", "--no-lan", ...args], { env: { DOCKER_HOST: "" } });

  it("reports what is missing and which command fixes it", async () => {
    const noEngine = await runBridge(["donate", "--home", join(root, "poor")], { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } });
    expect(noEngine.exitCode).toBe(2);
    expect(noEngine.stderr).toContain("SANDBOX_UNAVAILABLE");
    expect(noEngine.stderr).toContain("bridge doctor");
    const noImage = await donate("--environment", "no/such:image");
    expect(noImage.exitCode).toBe(2);
    expect(noImage.stderr).toContain("ENVIRONMENT_MISSING");
    const mixed = await donate("--blender", "/usr/bin/blender");
    expect(mixed.stderr).toContain("USAGE");
    expect(await readdir(join(root, "poor", "scratch"))).toEqual([]);
  });
});

/** Kills the Blender of a sandbox from outside with SIGKILL; false while there is none. */
async function killBlender(id: string): Promise<boolean> {
  const { Processes } = await ENGINE.getContainer(id).top({ ps_args: "-eo pid,comm" });
  const pid = Processes.find((fields: readonly string[]) => fields.at(-1)?.startsWith("blender"))?.[0];
  if (pid === undefined) return false;
  process.kill(Number(pid), "SIGKILL");
  return true;
}

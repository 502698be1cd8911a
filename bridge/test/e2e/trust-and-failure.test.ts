import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { bridge, type JsonLine, runBridge, SAMPLES, startDonor, story, TEST_SWARM } from "../bridge-command.ts";
import { comparePictures } from "../same-picture.ts";

let root: string;
let scene: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-trust-"));
  scene = join(root, "hot-corner.blend");
  await cp(join(SAMPLES, "hot-corner.blend"), scene);
  await renderReference(scene, ["-o", join(root, "reference", "f_####"), "-f", "1..3"], join(root, "reference"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const donorArgs = ["--cpus", "1", "--blender", BLENDER];

async function startLiar(name: string, lie: string) {
  const program = fileURLToPath(new URL("../fixtures/lying-donor.ts", import.meta.url));
  const child = execa(process.execPath, [program, join(root, name), lie, BLENDER, TEST_SWARM], { reject: false });
  const listening = await new Promise<{ multiaddrs: string[]; peerId: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const event = JSON.parse(line) as { event: string; multiaddrs: string[]; peerId: string };
      if (event.event === "listening") resolve(event);
    });
    void child.then(({ stderr }) => reject(new Error(`the liar did not start: ${stderr}`)));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child;
  };
  return { address: listening.multiaddrs[0] ?? "", peerId: listening.peerId, [Symbol.asyncDispose]: stop };
}

function renderArgs(name: string, peers: readonly string[], more: readonly string[]): string[] {
  const shared = [
    "--no-local",
    "--swarm",
    TEST_SWARM,
    ...peers.flatMap((peer) => ["--peer", peer]),
    "--blender",
    BLENDER,
    "--json",
    "--home",
    join(root, `${name}-home`),
  ];
  return ["render", scene, "-o", join(root, name, "f_####"), ...more, ...shared];
}

function accepted(lines: readonly JsonLine[]): string[] {
  return lines.filter(({ event }) => event === "chunk-accepted").map((line) => String(line["chunk"]));
}

describe("a donor with wrong results", () => {
  for (const lie of ["half", "shift", "stale"]) {
    it(`that lies (${lie}), beside two honest ones, is banned, and the picture equals plain Blender's`, async () => {
      await using honest1 = await startDonor(join(root, `h1-${lie}`), donorArgs);
      await using honest2 = await startDonor(join(root, `h2-${lie}`), donorArgs);
      await using liar = await startLiar(`liar-${lie}`, lie);
      const name = `lie-${lie}`;
      const run = await runBridge(
        renderArgs(name, [liar.address, honest1.address, honest2.address], ["-f", "1..3", "--tiles", "3x2", "--verify", "spot"]),
      );
      expect(run.exitCode, story(run)).toBe(0);
      expect(run.lines.filter(({ event }) => event === "donor-banned")).toMatchObject([{ donor: liar.peerId, name: `liar-${lie}` }]);
      expect(await comparePictures(join(root, name), join(root, "reference"))).toEqual([]);
    });
  }
});

describe("every result is checked with --verify full", () => {
  it("a donor that returns another frame is banned, and the picture equals plain Blender's", async () => {
    const moving = join(root, "moving.blend");
    await cp(join(SAMPLES, "driven-compositor.blend"), moving);
    await renderReference(moving, ["-o", join(root, "moving-reference", "f_####"), "-f", "1..3"], join(root, "moving-reference"));
    await using honest = await startDonor(join(root, "h-frame"), donorArgs);
    await using liar = await startLiar("liar-frame", "frame");
    const [, , ...rest] = renderArgs("lie-frame", [liar.address, honest.address], ["-f", "1..3", "--tiles", "2x1", "--verify", "full"]);
    const run = await runBridge(["render", moving, ...rest]);
    expect(run.exitCode, story(run)).toBe(0);
    expect(run.lines.filter(({ event }) => event === "donor-banned")).toMatchObject([{ donor: liar.peerId }]);
    expect(await comparePictures(join(root, "lie-frame"), join(root, "moving-reference"))).toEqual([]);
  });
});

describe("nothing is lost", () => {
  it("a donor killed during a tile loses only its tile", async () => {
    await using survivor = await startDonor(join(root, "survivor"), donorArgs);
    const victim = await startDonor(join(root, "victim"), donorArgs);
    const running = bridge(
      renderArgs("killed-donor", [survivor.address, victim.address], ["-f", "1..3", "--tiles", "3x2", "--verify", "off"]),
    );
    await running.line((line) => line.event === "chunk-started" && line["donor"] === victim.peerId);
    victim.kill();
    const { exitCode, stderr } = await running.child;
    expect(exitCode, story({ stderr, lines: running.lines })).toBe(0);
    expect(running.lines.some((line) => line.event === "donor-left" && line["donor"] === victim.peerId)).toBe(true);
    expect(await comparePictures(join(root, "killed-donor"), join(root, "reference"))).toEqual([]);
  });

  it("a donor that is named by address and by id is one donor, joins once, and renders everything", async () => {
    await using donor = await startDonor(join(root, "twice"), donorArgs);
    const run = await runBridge(
      renderArgs("named-twice", [donor.address, donor.peerId], ["-f", "1..2", "--tiles", "2x2", "--verify", "off"]),
    );
    expect(run.exitCode, story(run)).toBe(0);
    expect(run.lines.filter(({ event }) => event === "donor-joined")).toMatchObject([{ donor: donor.peerId }]);
    expect(run.lines.filter(({ event }) => event === "donor-left")).toEqual([]);
    expect(accepted(run.lines)).toHaveLength(8);
  });

  it("a killed requester resumes: the picture is the same, and no accepted chunk is rendered twice", async () => {
    await using donor = await startDonor(join(root, "patient"), donorArgs);
    const first = bridge(renderArgs("killed-requester", [donor.address], ["-f", "1..3", "--tiles", "3x2", "--verify", "off"]));
    const created = await first.line(({ event }) => event === "job-created");
    await first.line((line) => line.event === "chunk-accepted" && Number(line["done"]) >= 4);
    first.child.kill("SIGKILL");
    await first.child;
    const home = join(root, "killed-requester-home");
    const again = await runBridge([
      "jobs",
      "resume",
      String(created["job"]),
      "--home",
      home,
      "--swarm",
      TEST_SWARM,
      "--json",
      "--no-local",
      "--peer",
      donor.address,
    ]);
    expect(again.exitCode, story(again)).toBe(0);
    const before = new Set(accepted(first.lines));
    expect(accepted(again.lines).filter((chunk) => before.has(chunk))).toEqual([]);
    expect(before.size + accepted(again.lines).length).toBeGreaterThanOrEqual(18);
    expect(await comparePictures(join(root, "killed-requester"), join(root, "reference"))).toEqual([]);
  });
});

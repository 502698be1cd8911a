import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemDisk } from "../../kernel/disk.ts";
import { openHome } from "../../config/home.ts";
import { BLENDER, renderReference } from "../blender-reference.ts";
import { bridge, type JsonLine, runBridge, SAMPLES, story, TEST_SWARM } from "../bridge-command.ts";
import { timeLimit } from "../time/time-limit.ts";
import { comparePictures } from "../same-picture.ts";
import { type SecondEngine, startSecondEngine } from "../second-engine.ts";

const SCENE = join(SAMPLES, "hot-corner.blend");

let root: string;
let far: SecondEngine;
const home = (name: string) => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-environment-"));
  far = await startSecondEngine();
});
afterAll(async () => {
  await far?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** The last output line of a command that must succeed. */
async function command(...args: readonly string[]): Promise<JsonLine> {
  const run = await runBridge([...args, "--json"]);
  expect(run.exitCode, story(run)).toBe(0);
  return run.lines.at(-1) as JsonLine;
}

/** The environment of this machine's Blender, shared by two homes: the second has the blocks of the first. */
async function shareByTwo(): Promise<string> {
  const built = await command("env", "build", "--home", home("requester"));
  const digest = String(built["digest"]);
  await command("env", "share", digest, "--home", home("requester"));
  await command("env", "build", "--home", home("near"));
  await cp((await openHome(systemDisk, home("requester"))).environments, (await openHome(systemDisk, home("near"))).environments, {
    recursive: true,
  });
  await command("env", "share", digest, "--home", home("near"));
  return digest;
}

async function donor(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const place = ["--home", home(name), "--swarm", TEST_SWARM, "--no-lan", "--listen", "/ip4/127.0.0.1/tcp/0"];
  const running = bridge(["donate", "--json", "--memory", "1g", ...place, ...args], { env });
  const listening = await running.line(({ event }) => event === "listening");
  const stop = async () => {
    running.child.kill("SIGTERM");
    await running.child;
  };
  return {
    ...running,
    peerId: String(listening["peerId"]),
    address: String((listening["multiaddrs"] as string[])[0]),
    [Symbol.asyncDispose]: stop,
  };
}

it(
  "a donor without a job's environment asks its owner, fetches it from two peers, and renders the same picture in it",
  async () => {
    const digest = await shareByTwo();
    const elsewhere = { DOCKER_HOST: `unix://${far.socketPath}` };
    await using near = await donor("near", ["--environment", digest.slice(0, 12)]);
    await using away = await donor("away", ["--term", "environments=ask"], elsewhere);
    const peers = [near, away].flatMap(({ address }) => ["--peer", address]);
    const work = ["-o", join(root, "out", "f_####"), "-f", "1", "--tiles", "2x2", "--verify", "off", "--no-local", "--blender", BLENDER];
    const job = ["render", SCENE, "--environment", digest, "--swarm", TEST_SWARM, "--json", "--home", home("requester"), ...work, ...peers];
    const rendering = bridge(job);
    // The faster one serves blocks only, and leaves rendering to the other.
    await near.line(({ event }) => event === "job-opened");
    await command("donate", "pause", "--home", home("near"));
    const asked = await away.line(({ event }) => event === "environment-asked");
    expect(asked["term"]).toBe(`environments=ask,${digest}`);
    await command("donate", "set", String(asked["term"]), "--home", home("away"));
    const [ready] = await Promise.all([away.line(({ event }) => event === "environment-ready", timeLimit(400_000)), rendering.child]);
    expect(ready["digest"]).toBe(digest);
    const ended = rendering.last();
    expect(ended, story({ stderr: "", lines: rendering.lines })).toMatchObject({ event: "job-ended", outcome: "complete" });
    expect(ended).toMatchObject({ stats: { chunksByDonor: { [away.peerId]: expect.any(Number) } } });

    const listed = await runBridge(["env", "list", "--json", "--home", home("away")], { env: elsewhere });
    expect(listed.lines).toMatchObject([{ event: "environment", digest, isHere: true, isShared: true }]);
    expect(listed.lines[0]?.["origin"]).toHaveLength(2);
    expect(listed.lines[0]?.["origin"]).toContain(near.peerId);

    await renderReference(SCENE, ["-o", join(root, "reference", "f_####"), "-f", "1"], join(root, "reference"));
    expect(await comparePictures(join(root, "out"), join(root, "reference"))).toEqual([]);
  },
  timeLimit(600_000),
);

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { paint } from "../cli/terminal.ts";

/**
 * A whole swarm on one machine: two donor processes and a requester, over real libp2p connections.
 * Renders a small animation by frames and a still in tiles, then lists its files.
 */

const launcher = fileURLToPath(new URL("../bin/bridge.mjs", import.meta.url));
const scenes = fileURLToPath(new URL("../../sample-scenes", import.meta.url));
const output = fileURLToPath(new URL("../../demo-output", import.meta.url));

interface DemoDonor {
  readonly address: string;
  stop(): Promise<void>;
}

async function startDonor(home: string, name: string): Promise<DemoDonor> {
  const child = execa(
    process.execPath,
    [
      launcher,
      "donate",
      "--home",
      home,
      "--name",
      name,
      "--cpus",
      "1",
      "--sandbox",
      "process",
      "--no-lan",
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
      "--json",
    ],
    {
      reject: false,
      stdin: "ignore",
    },
  );
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const event = JSON.parse(line) as { event: string; multiaddrs: string[] };
      if (event.event === "listening") resolve(event.multiaddrs[0] ?? "");
    });
    void child.then(({ stderr }) => reject(new Error(`a donor did not start: ${stderr}`)));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child;
  };
  return { address, stop };
}

async function renderDemo(home: string, donors: readonly DemoDonor[], args: readonly string[]): Promise<number> {
  const peers = donors.flatMap(({ address }) => ["--peer", address]);
  const { exitCode } = await execa(process.execPath, [launcher, "render", ...args, "--home", home, "--no-local", ...peers], {
    stdio: "inherit",
    reject: false,
  });
  return exitCode ?? 1;
}

const homes = await mkdtemp(join(tmpdir(), "p2p-render-demo-"));
await mkdir(output, { recursive: true });
console.log(`${paint("bold", "A swarm on this machine:")} two donors, one requester, real libp2p connections.\n`);
const donors = await Promise.all(["anna", "ben"].map((name) => startDonor(join(homes, name), name)));
let exitCode = 1;
try {
  const video = join(output, "animation.mp4");
  exitCode =
    (await renderDemo(join(homes, "you"), donors, [
      join(scenes, "demo-animation.blend"),
      "-a",
      "-o",
      join(output, "frame_####"),
      "--video",
      video,
    ])) ||
    (await renderDemo(join(homes, "you"), donors, [
      join(scenes, "demo-still.blend"),
      "-f",
      "1",
      "-o",
      join(output, "still_####"),
      "--tiles",
      "auto",
    ]));
  if (exitCode === 0) {
    const shown = (path: string) => relative(process.cwd(), join(output, path));
    console.log(
      `\n${paint("bold", "Look at them:")}\n  ${shown("still_0001.png")}\n  ${shown("frame_0001.png")} … frame_0012.png\n  ${shown("animation.mp4")}`,
    );
  }
} finally {
  await Promise.all(donors.map((donor) => donor.stop()));
  await rm(homes, { recursive: true, force: true });
}
process.exitCode = exitCode;

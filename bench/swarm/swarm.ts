import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { type Usage, watchUsage } from "./processes.ts";

export const LAUNCHER = fileURLToPath(new URL("../../bridge/bin/bridge.mjs", import.meta.url));
export const SCENES = fileURLToPath(new URL("../../sample-scenes", import.meta.url));

/** One measured run. */
export interface Run {
  readonly seconds: number;
  /** The requester's own process. */
  readonly bridge: Usage | undefined;
  /** Each donor's own process, without Blender. */
  readonly donors: readonly Usage[];
}

export interface BenchDonor {
  readonly address: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A donor process with so many threads; resolves when it is ready. */
export async function startDonor(root: string, name: string, threads: number): Promise<BenchDonor> {
  const child = execa(
    process.execPath,
    [
      LAUNCHER,
      "donate",
      "--sandbox",
      "process",
      "--home",
      join(root, name),
      "--cpus",
      String(threads),
      "--no-lan",
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
      "--json",
    ],
    { reject: false },
  );
  const address = await new Promise<string>((resolve, reject) => {
    void (async () => {
      for await (const line of child.iterable()) {
        const event = JSON.parse(line) as { event: string; multiaddrs?: string[] };
        if (event.event === "listening") resolve(event.multiaddrs?.[0] ?? "");
      }
      reject(new Error("the donor ended"));
    })().catch(reject);
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child;
  };
  return { address, pid: child.pid ?? 0, stop };
}

/** Seconds of one plain Blender. */
export async function timeBlender(args: readonly string[]): Promise<Run> {
  const started = performance.now();
  await execa("blender", ["-b", "--factory-startup", ...args], {
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    stdout: "ignore",
    stderr: "ignore",
  });
  return { seconds: (performance.now() - started) / 1000, bridge: undefined, donors: [] };
}

/** Seconds of one `bridge render`. */
export async function timeBridge(root: string, args: readonly string[], donors: readonly BenchDonor[] = []): Promise<Run> {
  const watched = donors.map(({ pid }) => watchUsage(pid));
  const started = performance.now();
  const peers = donors.flatMap(({ address }) => ["--peer", address]);
  const child = execa(process.execPath, [LAUNCHER, "render", ...args, "--home", join(root, "requester"), ...peers, "--json"], {
    stdout: "ignore",
  });
  const own = watchUsage(child.pid);
  await child;
  const seconds = (performance.now() - started) / 1000;
  return { seconds, bridge: own.stop(), donors: watched.map((usage) => usage.stop()) };
}

export async function clean(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../kernel/time/clock.ts";
import { isFarmError } from "../kernel/errors.ts";
import { ImageEngine } from "../sandbox/images/image-engine.ts";
import { timeLimit } from "./time/time-limit.ts";

const READY_MS = 60_000;

/** A second, empty engine, like that of another machine. */
export interface SecondEngine extends AsyncDisposable {
  readonly socketPath: string;
  readonly images: ImageEngine;
}

/** Starts another Docker Engine, in its own network namespace: otherwise it would remove the other engine's bridge. */
export async function startSecondEngine(): Promise<SecondEngine> {
  const folder = await mkdtemp("/var/tmp/engine-"); // a socket's path must be short
  const socketPath = join(folder, "s");
  const places = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")];
  const daemon = spawn("unshare", ["-n", "dockerd", ...places, "--host", `unix://${socketPath}`, "--bridge=none", "--iptables=false"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  daemon.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  const ended = new Promise<void>((resolve) => {
    daemon.once("exit", () => resolve());
    daemon.once("error", (error) => {
      said += error.message;
      resolve();
    });
  });
  const stop = async () => {
    daemon.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const images = await untilReady(socketPath, () => daemon.exitCode !== null);
    return { socketPath, images, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    await stop();
    throw new Error(`a second engine does not start: ${said}`, { cause });
  }
}

async function untilReady(socketPath: string, isDead: () => boolean): Promise<ImageEngine> {
  const startMs = performance.now();
  while (true) {
    try {
      return await ImageEngine.open(socketPath);
    } catch (error) {
      if (!isFarmError(error, "SANDBOX_UNAVAILABLE") || isDead() || performance.now() - startMs > timeLimit(READY_MS)) throw error;
    }
    await systemClock.sleep(100);
  }
}

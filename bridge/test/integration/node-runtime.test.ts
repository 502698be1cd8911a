import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRunning } from "../../kernel/process-identity.ts";
import { until } from "../time/until.ts";

const RUNTIME = new URL("../../bin/node-runtime.mjs", import.meta.url).href;
const LAUNCHER = fileURLToPath(new URL("../../bin/bridge.mjs", import.meta.url));

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "node-runtime-"));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

/** A process that hands over to a program, as the launcher does on a Node that is too old. */
function handedOver(args: readonly string[]): ChildProcess {
  const script = `import { handOver } from ${JSON.stringify(RUNTIME)};
    process.exitCode = await handOver(process.execPath, ${JSON.stringify(args)}, { watched: true });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

/** The first line of JSON that has this field. */
async function lineWith(child: ChildProcess, field: string): Promise<Record<string, unknown>> {
  for await (const text of createInterface({ input: child.stdout! })) {
    const line = JSON.parse(text) as Record<string, unknown>;
    if (field in line) return line;
  }
  throw new Error(`ended without a line with ${field}`);
}

/** A program that says its pid, and what it hears of the end of the process that started it. */
async function program(name: string, lines: string): Promise<string> {
  const path = join(root, `${name}.mjs`);
  await writeFile(path, `import { endWithParent } from ${JSON.stringify(RUNTIME)};\nendWithParent();\n${lines}\n`);
  return path;
}

const SAYS_PID =
  "console.log(JSON.stringify({ pid: process.pid, left: Object.keys(process.env).filter((name) => /^BRIDGE_HANDED|^NODE_CHANNEL/.test(name)) }));";

describe("a program that was handed over to", () => {
  it("ends as at a closed terminal when the launcher is killed", async () => {
    const marker = join(root, "hung-up");
    const heard = `import { writeFileSync } from "node:fs"; process.on("SIGHUP", () => { writeFileSync(${JSON.stringify(marker)}, ""); process.exit(); });`;
    const outer = handedOver([await program("listening", `${heard} setInterval(() => {}, 1000); ${SAYS_PID}`)]);
    const { pid, left } = await lineWith(outer, "pid");
    expect(left).toEqual([]);
    outer.kill("SIGKILL");
    await until(() => !isRunning(Number(pid)));
    await expect(rm(marker)).resolves.toBeUndefined();
  });

  it("ends at once when nothing listens yet", async () => {
    const outer = handedOver([await program("deaf", `setInterval(() => {}, 1000); ${SAYS_PID}`)]);
    const { pid } = await lineWith(outer, "pid");
    outer.kill("SIGKILL");
    await until(() => !isRunning(Number(pid)));
  });

  it("ends by itself with its own exit code: the channel holds no process", async () => {
    const outer = handedOver([await program("short", `process.exitCode = 7; ${SAYS_PID}`)]);
    expect(await once(outer, "exit")).toEqual([7, null]);
  });
});

it("the bridge ends in order when its launcher is killed", async () => {
  const outer = handedOver([LAUNCHER, "serve", "--home", join(root, "home"), "--no-lan", "--swarm", `test-${process.pid}`, "--json"]);
  const { pid, tokenFile } = await lineWith(outer, "tokenFile");
  outer.kill("SIGKILL");
  await until(() => !isRunning(Number(pid)));
  await expect(rm(String(tokenFile))).rejects.toMatchObject({ code: "ENOENT" }); // removed by the bridge at its end
});

// Runs on Node 18: no newer syntax here.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { environmentFor, PROJECT } from "../bin/node-runtime.mjs";
import { ask, onPath, tailOf } from "./commands.mjs";
import { say, sayPlain } from "./say.mjs";
import { commandFor, installWithManager, isRoot } from "./system-packages.mjs";

const STARTS_WITHIN_MS = 60_000;
/** A base by debootstrap and a Blender with all that it needs, on a slow link. */
const BUILDS_WITHIN_MS = 1_800_000;

/** A container engine that answers: donors run foreign work in it. As root on Linux it is installed and started. @returns {Promise<string | undefined>} its version. */
export async function ensureDocker() {
  const running = engineVersion();
  if (running !== undefined) return running;
  if (process.platform === "linux" && isRoot()) {
    if (onPath("dockerd") === undefined) await installWithManager("docker", "Docker");
    if (onPath("dockerd") !== undefined && (await startEngine())) return engineVersion();
  }
  say("lacking", "Docker", `no engine answers, tests of containers will fail: ${commandFor("docker")}, then start it`);
  return undefined;
}

/** A container image with a Blender in it. @returns {Promise<string | undefined>} its id. */
export async function ensureEnvironment(node) {
  const present = environmentId();
  if (present !== undefined || engineVersion() === undefined) return present;
  if (existsSync(join(PROJECT, "containers"))) {
    say("doing", "environment", "bridge env build (some minutes, once)");
    const launcher = join(PROJECT, "bridge", "bin", "bridge.mjs");
    const built = ask(node, [launcher, "env", "build"], { cwd: PROJECT, timeout: BUILDS_WITHIN_MS, env: environmentFor(node) });
    if (!built.ok) sayPlain(tailOf(built.text));
  }
  const made = environmentId();
  if (made === undefined) say("lacking", "environment", "no image with a Blender, tests of containers will fail: bridge env build");
  return made;
}

function engineVersion() {
  if (onPath("docker") === undefined) return undefined;
  const asked = ask("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 20_000 });
  return asked.ok && asked.out.trim() !== "" ? asked.out.trim() : undefined;
}

function environmentId() {
  // What a build that broke off left has the label, and no name.
  const filters = ["--filter", "label=io.p2p-render.environment=1", "--filter", "dangling=false"];
  const asked = ask("docker", ["images", "--quiet", "--no-trunc", ...filters], { timeout: 20_000 });
  return asked.ok ? asked.out.trim().split("\n")[0] || undefined : undefined;
}

/** By the system's own service where there is one; else by hand, as in a machine that is itself a container. */
async function startEngine() {
  say("doing", "Docker", "starting the engine");
  const service = onPath("systemctl") !== undefined && ask("systemctl", ["start", "docker"], { timeout: STARTS_WITHIN_MS }).ok;
  if (!service) startByHand();
  const endMs = Date.now() + STARTS_WITHIN_MS;
  while (engineVersion() === undefined) {
    if (Date.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return true;
}

function startByHand() {
  const folder = join(PROJECT, ".runtime");
  mkdirSync(folder, { recursive: true });
  const log = openSync(join(folder, "dockerd.log"), "a");
  spawn("dockerd", [], { detached: true, stdio: ["ignore", log, log] }).unref();
}

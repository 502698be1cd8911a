// Runs on Node 18: no newer syntax here.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";
import { ask, tailOf } from "./commands.mjs";
import { pythonPath } from "./python-step.mjs";
import { say, sayPlain } from "./say.mjs";

const LOCK = join(PROJECT, "bridge", "build", "python-tools.txt");
const FOLDER = join(PROJECT, ".runtime", "python-tools");
const STAMP = join(FOLDER, ".bridge-setup");

/** The tools that check Python, at the versions that python-tools.txt names. @returns {string | undefined} their folder. */
export function ensurePythonTools() {
  const python = pythonPath();
  if (python === undefined) {
    say("lacking", "Python tools", "there is no Python to run them");
    return undefined;
  }
  const stamp = stampFor(python);
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp) return FOLDER;
  say("doing", "Python tools", "installing what bridge/build/python-tools.txt names");
  return install(python, stamp) ? FOLDER : undefined;
}

/**
 * How to run one of the tools: ruff or mypy.
 *
 * @param {string} name its Python module.
 */
export function pythonTool(name) {
  return { command: pythonPath(), args: ["-m", name], env: { ...process.env, PYTHONPATH: FOLDER, PYTHONNOUSERSITE: "1" } };
}

/** Wheels are made for one version of Python on one kind of machine. */
function stampFor(python) {
  const version = ask(python, ["-c", "import sys; print(sys.version_info[:2])"]).out.trim();
  return `${createHash("sha256").update(readFileSync(LOCK)).digest("hex")} ${version} ${process.platform}-${process.arch}\n`;
}

/** Into a folder beside the last one, so that a set-up that broke off leaves nothing that looks whole. */
function install(python, stamp) {
  const fresh = `${FOLDER}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"];
  const exact = ["--no-deps", "--require-hashes", "--only-binary=:all:"];
  const done = ask(python, ["-m", "pip", "install", ...quiet, ...exact, "--target", fresh, "--requirement", LOCK], {
    timeout: 900_000,
  });
  if (!done.ok) {
    say("failed", "Python tools", "pip could not install them:");
    sayPlain(tailOf(done.text));
    return false;
  }
  writeFileSync(join(fresh, ".bridge-setup"), stamp);
  rmSync(FOLDER, { recursive: true, force: true });
  renameSync(fresh, FOLDER);
  return true;
}

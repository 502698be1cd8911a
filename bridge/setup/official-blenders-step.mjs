// Runs on Node 18: no newer syntax here.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROJECT } from "../bin/node-runtime.mjs";
import { ask, onPath, tailOf } from "./commands.mjs";
import { pythonPath } from "./python-step.mjs";
import { say, sayPlain } from "./say.mjs";

const LOCKS = join(dirname(fileURLToPath(import.meta.url)), "official-blenders");
const FOLDER = join(PROJECT, ".runtime", "official-blenders");
/** Behaves like the program `blender`. */
const SCRIPT = join(PROJECT, "bridge", "test", "versions", "bpy_blender.py");
/** The Python that these modules are built for. */
const PYTHON = "3.11";

/**
 * Official builds of Blender for tests, which have the denoiser that distributions leave out: the module bpy of PyPI, each version in a
 * folder of its own, with a program `blender-<version>` beside it. @returns {string | undefined} their folder.
 */
export function ensureOfficialBlenders() {
  const python = pythonOf(PYTHON);
  if (python === undefined) {
    say("lacking", "official Blenders", `Python ${PYTHON} was not found, so the tests of denoising will fail`);
    return undefined;
  }
  const versions = readdirSync(LOCKS).map((name) => name.replace(/\.txt$/, ""));
  return versions.every((version) => ensureVersion(python, version)) ? FOLDER : undefined;
}

function pythonOf(version) {
  const isThat = (path) => ask(path, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).out.trim() === version;
  return [onPath(`python${version}`), pythonPath()].find((path) => path !== undefined && isThat(path));
}

function ensureVersion(python, version) {
  const lock = join(LOCKS, `${version}.txt`);
  const folder = join(FOLDER, `bpy-${version}`);
  const stamp = `${createHash("sha256").update(readFileSync(lock)).digest("hex")} ${process.platform}-${process.arch}\n`;
  const stampFile = join(folder, ".bridge-setup");
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
    say("doing", `Blender ${version}`, "installing the official build from PyPI");
    if (!install(python, lock, folder)) return false;
    writeFileSync(stampFile, stamp);
  }
  writeProgram(python, version, folder);
  return true;
}

/** Into a folder beside the last one, so that a set-up that broke off leaves nothing that looks whole. */
function install(python, lock, folder) {
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore", "--no-compile"];
  const exact = ["--no-deps", "--require-hashes", "--only-binary=:all:"];
  const done = ask(python, ["-m", "pip", "install", ...quiet, ...exact, "--target", fresh, "--requirement", lock], { timeout: 1_800_000 });
  if (!done.ok) {
    say("failed", "official Blender", "pip could not install it:");
    sayPlain(tailOf(done.text));
    return false;
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return true;
}

function writeProgram(python, version, folder) {
  const program = join(FOLDER, `blender-${version}`);
  writeFileSync(program, `#!/bin/sh\nPYTHONPATH='${folder}' exec '${python}' '${SCRIPT}' "$@"\n`);
  chmodSync(program, 0o755);
}

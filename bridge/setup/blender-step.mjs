// Runs on Node 18: no newer syntax here.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { blenderPlaces } from "./blender-places.mjs";
import { ask, isProgram, onPath } from "./commands.mjs";
import { commandFor, installWithManager, offeredVersion } from "./system-packages.mjs";
import { recall, record } from "./record.mjs";
import { say } from "./say.mjs";

/** Oldest Blender the bridge works with. */
const FLOOR = [3, 4];

/** Blender, new enough and able to run without a screen. @returns {Promise<string | undefined>} what to print of it. */
export async function ensureBlender() {
  const known = recall("blender");
  if (known !== undefined && known.stamp === stampOf(known.path)) return known.version;
  let found = examine();
  const tooOld = found.lacks !== undefined && offeredIsTooOld();
  if (found.lacks !== undefined && !tooOld && (await installWithManager("blender", "Blender"))) found = examine();
  if (found.lacks === undefined) return keep(found);
  say("lacking", "Blender", `${found.lacks}: ${commandFor("blender", tooOld)}`);
  return undefined;
}

/** True when this system's packages have no Blender that would do: then nothing of it is installed. */
function offeredIsTooOld() {
  const offered = offeredVersion("blender");
  return offered !== undefined && offered !== "(none)" && !isNewEnough(offered);
}

function keep(found) {
  record("blender", { path: found.path, version: found.version, stamp: stampOf(found.path) });
  return found.version;
}

/** The first Blender that does; else the first of all with, in `lacks`, why it does not. */
function examine() {
  let first;
  for (const path of blenderPlaces().filter(isProgram)) {
    const found = examineOne(path);
    if (found.lacks === undefined) return found;
    first = first || found;
  }
  return first || { lacks: "not found" };
}

function examineOne(path) {
  const version = (/Blender (\d+\.\d+\.\d+)/.exec(ask(path, ["--version"], { env: plainEnvironment() }).out) || [])[1];
  if (version === undefined) return { path, lacks: `${path} does not answer` };
  if (!isNewEnough(version)) return { path, version, lacks: `${version} is too old, ${FLOOR.join(".")} is needed` };
  const numpy = ask(path, ["-b", "--factory-startup", "--python-exit-code", "9", "--python-expr", "import numpy"], {
    env: plainEnvironment(),
  });
  if (!numpy.ok) return { path, version, lacks: "its Python has no numpy" };
  if (process.platform === "linux" && !hasEgl()) return { path, version, lacks: "libEGL is missing, without which EEVEE crashes" };
  return { path, version };
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1]);
}

/** An official build brings GL along or finds it by itself; only where ldconfig answers is its word taken. */
function hasEgl() {
  const libraries = ask(onPath("ldconfig") || "/sbin/ldconfig", ["-p"]);
  return !libraries.ok || libraries.out.includes("libEGL.so.1");
}

/** With the environment in which the bridge starts it: with another Python first on the PATH, Blender would import that one's numpy. */
function plainEnvironment() {
  if (process.platform === "win32") return process.env;
  return { ...process.env, PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
}

function stampOf(path) {
  try {
    const file = statSync(path);
    return `${file.size} ${file.mtimeMs} ${statSync(dirname(path)).dev}`;
  } catch {
    return "gone";
  }
}

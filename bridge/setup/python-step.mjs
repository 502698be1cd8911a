// Runs on Node 18: no newer syntax here.
import { ask, onPath } from "./commands.mjs";
import { say } from "./say.mjs";
import { commandFor, installWithManager } from "./system-packages.mjs";

/** What the window tests of the Blender add-on work with: a screen, a mouse, a camera. */
const WINDOW_PROGRAMS = ["Xvfb", "xdotool", "import", "compare"];

/** A Python with pip, which fetches what the add-on's zip carries along. @returns {Promise<string | undefined>} its path. */
export function ensurePython() {
  return ensureWith("python", "Python", () => hasModule("pip"), "no zip of the Blender add-on can be made");
}

/** pytest, for the tests of the Blender add-on. */
export function ensurePytest() {
  return ensureWith("pytest", "pytest", () => hasModule("pytest"), "the tests of the Blender add-on cannot run");
}

/** A screen of its own for a Blender with a window; only where X11 is the usual screen. */
export async function ensureWindow() {
  if (process.platform !== "linux") return undefined;
  return ensureWith("window", "Xvfb, xdotool", hasWindowPrograms, "the add-on's window tests will fail");
}

async function ensureWith(what, title, present, consequence) {
  if (present() === undefined) await installWithManager(what, title);
  const found = present();
  if (found === undefined) say("lacking", title, `not found, so ${consequence}: ${commandFor(what)}`);
  return found;
}

function hasModule(name) {
  const python = pythonPath();
  return python !== undefined && ask(python, ["-m", name, "--version"]).ok ? python : undefined;
}

/** The Python that runs the add-on's scripts and tests. */
export function pythonPath() {
  return onPath("python3") || onPath("python");
}

function hasWindowPrograms() {
  const found = WINDOW_PROGRAMS.map(onPath);
  return found.includes(undefined) ? undefined : found[0];
}

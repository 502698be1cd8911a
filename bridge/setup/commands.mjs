// Runs on Node 18: no newer syntax here.
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const EXTENSIONS = process.platform === "win32" ? [".exe", ".cmd", ".bat", ""] : [""];

/** The absolute path of a program on the PATH, or undefined. */
export function onPath(name) {
  for (const folder of (process.env.PATH || "").split(delimiter).filter(Boolean)) {
    for (const extension of EXTENSIONS) {
      const file = join(folder, name + extension);
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

/** True for a file that may be run. */
export function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs a program to its end and keeps what it printed. `ok` is false also when it could not be started or took too long. */
export function ask(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: "utf8", timeout: 60_000, windowsHide: true, maxBuffer: 64 * 2 ** 20, ...options });
  return { ok: done.status === 0, out: done.stdout || "", text: `${done.stdout || ""}${done.stderr || ""}` };
}

/** The last lines of what a failed program printed, indented: enough to see why. */
export function tailOf(text, lines = 6) {
  return text
    .trimEnd()
    .split("\n")
    .slice(-lines)
    .map((line) => `      ${line}`)
    .join("\n");
}

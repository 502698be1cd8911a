// Runs on Node 18: no newer syntax here.
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { environmentFor, PROJECT } from "../bin/node-runtime.mjs";
import { ask, tailOf } from "./commands.mjs";
import { npmCommand } from "./npm.mjs";
import { say, sayPlain } from "./say.mjs";

/**
 * The lock is kept under a dotted name, so that the top of the repository holds only what a reader looks
 * for. npm reads it only as package-lock.json: it is put in place under that name (ignored by git) first.
 */
const KEPT_LOCK = join(PROJECT, ".package-lock.json");
const NPM_LOCK = join(PROJECT, "package-lock.json");
const MODULES = join(PROJECT, "node_modules");
const STAMP = join(MODULES, ".bridge-setup");
const DEPENDENCY_KINDS = ["dependencies", "devDependencies", "optionalDependencies"];

/** The npm packages that the kept lock names, and the command `bridge` for npx. True when they are there. */
export function ensurePackages(node) {
  const strayed = lockStrays();
  if (strayed !== undefined) {
    say("failed", "npm packages", `package.json and .package-lock.json disagree about ${strayed}: type \`npm run lock\``);
    return false;
  }
  const lock = readFileSync(KEPT_LOCK);
  const stamp = `${createHash("sha256").update(lock).digest("hex")} ${process.platform}-${process.arch}\n`;
  if (!isStamped(stamp)) {
    say("doing", "npm packages", "installing what .package-lock.json names");
    if (!install(node)) return false;
    writeFileSync(STAMP, stamp);
  }
  linkCommand();
  return true;
}

/** The name of the first dependency on which the lock and package.json disagree, or undefined. */
export function lockStrays() {
  const asked = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const locked = JSON.parse(readFileSync(KEPT_LOCK, "utf8")).packages[""];
  for (const kind of DEPENDENCY_KINDS) {
    const names = new Set([...Object.keys(asked[kind] || {}), ...Object.keys(locked[kind] || {})]);
    for (const name of names) {
      if ((asked[kind] || {})[name] !== (locked[kind] || {})[name]) return name;
    }
  }
  return undefined;
}

/** Writes the lock anew for the present package.json, keeping every version that still fits. */
export function renewLock(node) {
  if (existsSync(KEPT_LOCK) && !existsSync(NPM_LOCK)) copyFileSync(KEPT_LOCK, NPM_LOCK);
  const done = runNpm(node, ["install", "--package-lock-only", "--ignore-scripts"]);
  if (done.ok) copyFileSync(NPM_LOCK, KEPT_LOCK);
  say(done.ok ? "have" : "failed", "npm lock", done.ok ? ".package-lock.json is up to date" : `npm refused:\n${tailOf(done.text)}`);
  return done.ok;
}

function isStamped(stamp) {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp;
}

/**
 * No install script is run: what needs native code brings it as a package for each system (esbuild, sharp),
 * or does without (ssh2). ffmpeg-static's downloads; it gets its try where ffmpeg is looked for.
 */
function install(node) {
  copyFileSync(KEPT_LOCK, NPM_LOCK);
  const args = ["ci", "--include=dev", "--include=optional", "--ignore-scripts"];
  let done = runNpm(node, args);
  // An npm much older than Node may not run on it; on its own Node it does.
  if (!done.ok && node !== process.execPath) done = runNpm(process.execPath, args);
  if (!done.ok) {
    say("failed", "npm packages", "npm could not install them:");
    sayPlain(tailOf(done.text, 12));
  }
  return done.ok;
}

function runNpm(node, args) {
  const npm = npmCommand(node);
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  return ask(npm.command, [...npm.args, ...args, ...quiet], {
    cwd: PROJECT,
    timeout: 900_000,
    shell: npm.shell,
    env: environmentFor(node),
  });
}

/** `npx bridge` looks in node_modules/.bin before it asks the registry, where another package has that name. */
function linkCommand() {
  const folder = join(MODULES, ".bin");
  const launcher = join(PROJECT, "bridge", "bin", "bridge.mjs");
  for (const name of ["bridge", "p2p-render"]) {
    const link = join(folder, process.platform === "win32" ? `${name}.cmd` : name);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { force: true });
    if (process.platform === "win32") writeFileSync(link, '@node "%~dp0..\\..\\bridge\\bin\\bridge.mjs" %*\r\n');
    else {
      symlinkSync("../../bridge/bin/bridge.mjs", link);
      chmodSync(launcher, 0o755);
    }
  }
}

// Runs on Node 18: no newer syntax here.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { environmentFor, PROJECT } from "../bin/node-runtime.mjs";
import { ask, isProgram, onPath } from "./commands.mjs";
import { recall, record } from "./record.mjs";
import { say } from "./say.mjs";
import { commandFor, installWithManager } from "./system-packages.mjs";

/** ffmpeg, where the bridge looks for it: FFMPEG_PATH, ffmpeg-static, PATH. @returns {Promise<string | undefined>} its path. */
export async function ensureFfmpeg(node) {
  const present = findFfmpeg();
  if (present !== undefined) return present;
  if (recall("ffmpeg-static") !== "unreachable" && !downloadFfmpeg(node)) record("ffmpeg-static", "unreachable");
  if (findFfmpeg() === undefined) await installWithManager("ffmpeg", "ffmpeg");
  const found = findFfmpeg();
  if (found === undefined) say("lacking", "ffmpeg", `not found, so no videos: ${commandFor("ffmpeg")}`);
  return found;
}

/** OpenImageIO's tools, with which tests compare pictures. */
export async function ensureOpenImageIo() {
  const present = () => (onPath("idiff") !== undefined ? onPath("oiiotool") : undefined);
  if (present() === undefined) await installWithManager("openimageio", "OpenImageIO");
  if (present() === undefined) say("lacking", "OpenImageIO", `not found, some tests will fail: ${commandFor("openimageio")}`);
  return present();
}

/** A browser, with which a test shows that no web page gets at the bridge. */
export async function ensureChromium() {
  const present = () => onPath("chromium");
  if (present() === undefined) await installWithManager("chromium", "Chromium");
  if (present() === undefined) say("lacking", "Chromium", `not found, a test will fail: ${commandFor("chromium")}`);
  return present();
}

function findFfmpeg() {
  const bundled = ffmpegStatic();
  return [process.env.FFMPEG_PATH, bundled && bundled.binary, onPath("ffmpeg")].find(
    (file) => file !== undefined && file !== "" && isProgram(file),
  );
}

function ffmpegStatic() {
  const script = join(PROJECT, "node_modules", "ffmpeg-static", "install.js");
  if (!existsSync(script)) return undefined;
  return { script, binary: createRequire(script)("./index.js") || undefined };
}

/** Its install script fetches the binary from a site that not every network reaches; without it the system's serves. */
function downloadFfmpeg(node) {
  const bundled = ffmpegStatic();
  if (bundled === undefined) return false;
  say("doing", "ffmpeg", "downloading (ffmpeg-static)");
  return ask(node, [bundled.script], { cwd: dirname(bundled.script), timeout: 180_000, env: environmentFor(node) }).ok;
}

import { dirname, join, posix, relative, sep } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";

/** Folders and files that the code opens beside itself, and where they lie in dist/. */
export const ASSETS = [
  { from: "bridge/blender/scripts/", to: "scripts/" },
  { from: "bridge/sandbox/inside/", to: "inside/" },
  { from: "package.json", to: "../package.json" },
];

const OWN_URL = /new URL\(\s*(["'`])([^"'`]+)\1,\s*import\.meta\.url,?\s*\)/g;
/** A worker that is TypeScript in a checkout and JavaScript in the flat bundle: right in both as it is. */
const OWN_WORKER =
  /new URL\(\s*`\.\/[\w-]+-worker\.\$\{import\.meta\.url\.endsWith\("\.ts"\) \? "ts" : "js"\}`,\s*import\.meta\.url,?\s*\)/g;

/**
 * The bundle is one flat folder, so a path that a source names from its own place is named from there instead.
 * Throws for a path that leads to nothing that is packed: better here than on a user's machine.
 *
 * @param {string} code a source's text.
 * @param {string} file its absolute path.
 */
export function rewriteOwnUrls(code, file) {
  const rewritten = code.replaceAll(
    OWN_URL,
    (_whole, quote, path) => `new URL(${quote}${placeInBundle(path, file)}${quote}, import.meta.url)`,
  );
  const unknown = code.replaceAll(OWN_URL, "").replaceAll(OWN_WORKER, "").replaceAll("import.meta.main", "");
  if (unknown.includes("import.meta")) throw new Error(`${file} uses import.meta in a way that the bundle does not know`);
  return rewritten;
}

function targetOf(path, file) {
  return posix.normalize(
    relative(PROJECT, join(dirname(file), path))
      .split(sep)
      .join("/"),
  );
}

function placeInBundle(path, file) {
  const target = targetOf(path, file);
  if (target === ".") return "../";
  if (target.endsWith(".ts")) return `./${posix.basename(target, ".ts")}.js`;
  const asset = ASSETS.find(({ from }) => target === from || (from.endsWith("/") && `${target}/`.startsWith(from)));
  if (asset === undefined) throw new Error(`${file} opens ${path}, which is not packed: name it in bridge/build/assets.mjs`);
  return asset.to + target.slice(asset.from.length);
}

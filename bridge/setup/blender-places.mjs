// Runs on Node 18: no newer syntax here.
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";
import { onPath } from "./commands.mjs";

/** Where the bridge looks for Blender too (bridge/blender/find/blender-places.ts): BLENDER_PATH, the PATH, the usual folders. */
export function blenderPlaces() {
  const named = [process.env.BLENDER_PATH, onPath("blender")].filter((path) => path !== undefined && path !== "");
  return [...named, ...usualFolders().flatMap(blendersIn)];
}

function usualFolders() {
  const runtime = join(PROJECT, ".runtime");
  if (process.platform === "darwin") return [runtime, "/Applications", join(homedir(), "Applications")];
  if (process.platform === "win32") return [runtime, join(process.env.ProgramFiles || "C:\\Program Files", "Blender Foundation")];
  return [runtime, "/opt", "/usr/local", "/snap/blender", homedir()];
}

/** Newest first, as far as the folders' names tell. */
function blendersIn(folder) {
  return namesIn(folder)
    .filter((name) => /^(blender|current$)/i.test(name))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((name) => join(folder, name, programIn(name)));
}

function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function programIn(folder) {
  if (process.platform === "darwin" && folder.endsWith(".app")) return join("Contents", "MacOS", "Blender");
  return process.platform === "win32" ? "blender.exe" : "blender";
}

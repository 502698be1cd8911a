import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds `.runtime/`, where set-up puts a Blender if the machine has none. */
const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));

/** Programs that may be a Blender, best guess first: the user's own choice, the PATH, then the usual places. */
export async function candidateBlenders(env: NodeJS.ProcessEnv): Promise<string[]> {
  const inFolders = await Promise.all(usualFolders(env).map(blendersIn));
  const places = [env["BLENDER_PATH"] ?? "", ...(await onPath("blender", env)), ...inFolders.flat()];
  const files = await Promise.all(places.map(async (path) => ((await isFile(path)) ? path : "")));
  return files.filter((path) => path !== "");
}

/** The program a user named: a path, a folder of an unpacked Blender, or a name on the PATH. */
export async function namedBlender(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (await isFile(name)) return name;
  const inside = join(name, programIn(name));
  if (await isFile(inside)) return inside;
  return /[/\\]/.test(name) ? undefined : (await onPath(name, env))[0];
}

function usualFolders(env: NodeJS.ProcessEnv): string[] {
  const runtime = join(PROJECT, ".runtime");
  if (process.platform === "darwin") return [runtime, "/Applications", join(homedir(), "Applications")];
  if (process.platform === "win32") {
    const programs = [env["ProgramFiles"], env["ProgramW6432"]].filter((folder) => folder !== undefined);
    return [runtime, ...programs.map((folder) => join(folder, "Blender Foundation"))];
  }
  return [runtime, "/opt", "/usr/local", "/snap/blender", homedir()];
}

/** The programs in subfolders named after Blender (a snap's newest revision is "current"). */
async function blendersIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^(blender|current$)/i.test(name))
    .toSorted()
    .map((name) => join(folder, name, programIn(name)));
}

function programIn(folder: string): string {
  if (process.platform === "darwin" && folder.endsWith(".app")) return join("Contents", "MacOS", "Blender");
  if (process.platform === "win32") return "blender.exe";
  return "blender";
}

async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const program = process.platform === "win32" && !name.endsWith(".exe") ? `${name}.exe` : name;
  const places = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found: string[] = [];
  for (const folder of places) {
    if (await isFile(join(folder, program))) found.push(join(folder, program));
  }
  return found;
}

async function isFile(path: string): Promise<boolean> {
  return path !== "" && ((await stat(path).catch(() => undefined))?.isFile() ?? false);
}

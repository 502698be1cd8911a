import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { arch, homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { DeviceClass } from "../core/chunk.ts";
import { FarmError, messageOf } from "../kernel/errors.ts";
import { BlenderProcess } from "./blender-process.ts";
import { compareVersions, OLDEST_BLENDER } from "./blender-version.ts";
import type { BlenderBuild, StartProcess } from "./types.ts";

const FIND_LIMITS = { describeTimeoutMs: 60_000, maxCacheBytes: 1024 * 1024 } as const;

const Description = z.object({
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  buildHash: z.string().max(64),
  hasDenoiser: z.boolean(),
});
const Cached = z.record(z.string(), z.object({ stamp: z.string(), build: Description }));

/**
 * Every Blender of this machine that is new enough, newest first; with `explicit`, only that one.
 * What each said of itself is kept in `cacheFile`. Throws BLENDER_NOT_FOUND, BLENDER_TOO_OLD for the explicit one.
 */
export async function findBlenders(
  deps: { readonly start: StartProcess },
  options: { readonly explicit?: string; readonly cacheFile?: string },
  signal: AbortSignal,
): Promise<BlenderBuild[]> {
  const cache = await readCache(options.cacheFile);
  const known = new Map<string, BlenderBuild>();
  for (const candidate of options.explicit === undefined ? await candidates() : await named(options.explicit)) {
    const path = await realpath(candidate).catch(() => undefined);
    if (path === undefined || known.has(path)) continue;
    const build = await describe(deps, candidate, cache, signal).catch((cause: unknown) => {
      if (options.explicit !== undefined || signal.aborted) throw cause;
      return undefined;
    });
    if (build && compareVersions(build.version, OLDEST_BLENDER) >= 0) known.set(path, build);
    else if (build && options.explicit !== undefined) throw new FarmError("BLENDER_TOO_OLD", `${candidate} is Blender ${build.version}`);
  }
  await writeCache(options.cacheFile, cache);
  return [...known.values()].toSorted((a, b) => compareVersions(b.version, a.version));
}

/** What decides about equal bits for a CPU render of this build on this machine. */
export function deviceClassOf(build: BlenderBuild): DeviceClass {
  return { blenderVersion: build.version, buildHash: build.buildHash, backend: "CPU", arch: cpuKernel() };
}

/** The Cycles CPU kernel this machine takes: AVX2 where it has it, else SSE4.2; NEON on ARM. */
function cpuKernel(): string {
  if (arch() === "arm64") return "neon";
  if (process.platform !== "linux") return arch() === "x64" ? "avx2" : arch();
  try {
    return /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8")) ? "avx2" : "sse42";
  } catch {
    return arch();
  }
}

async function describe(deps: { readonly start: StartProcess }, path: string, cache: z.infer<typeof Cached>, signal: AbortSignal): Promise<BlenderBuild> {
  const { mtimeMs, size } = await stat(path);
  const stamp = `${mtimeMs} ${size}`;
  const cached = cache[path];
  if (cached?.stamp === stamp) return { path, ...cached.build };
  const scratch = await mkdtemp(join(tmpdir(), "p2p-render-"));
  try {
    await using blender = await BlenderProcess.start(deps, { blender: path, script: "describe.py", scratch, startTimeoutMs: FIND_LIMITS.describeTimeoutMs }, signal);
    const build = Description.parse(await blender.request("describe", {}, signal, FIND_LIMITS.describeTimeoutMs));
    cache[path] = { stamp, build };
    return { path, ...build };
  } catch (cause) {
    throw new FarmError("BLENDER_NOT_FOUND", `${path} does not work as Blender: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function named(explicit: string): Promise<string[]> {
  const direct = await isFile(explicit);
  const found = direct ? explicit : explicit.includes("/") || explicit.includes("\\") ? undefined : await onPath(explicit);
  if (found === undefined) throw new FarmError("BLENDER_NOT_FOUND", `there is no Blender at ${explicit}`);
  return [found];
}

async function candidates(): Promise<string[]> {
  const chosen = process.env["BLENDER_PATH"];
  const folders = [...(await usualFolders()), join(process.cwd(), ".runtime")];
  const inFolders = (await Promise.all(folders.map(blendersIn))).flat();
  const inPath = await onPath("blender");
  const all = [...(chosen ? [chosen] : []), ...(inPath === undefined ? [] : [inPath]), ...inFolders];
  return (await Promise.all(all.map(async (path) => ((await isFile(path)) ? [path] : [])))).flat();
}

async function usualFolders(): Promise<string[]> {
  if (process.platform === "darwin") return ["/Applications"];
  if (process.platform === "win32") return [join(process.env["PROGRAMFILES"] ?? "C:\\Program Files", "Blender Foundation")];
  return ["/opt", "/usr/local", "/snap/blender", homedir()];
}

/** Programs in subfolders that are called after Blender. */
async function blendersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries.filter((name) => /^blender/i.test(name)).map((name) => join(folder, name, programName(name)));
}

function programName(folder: string): string {
  if (process.platform === "darwin" && folder.endsWith(".app")) return join("Contents", "MacOS", "Blender");
  return process.platform === "win32" ? "blender.exe" : "blender";
}

async function onPath(name: string): Promise<string | undefined> {
  const separator = process.platform === "win32" ? ";" : ":";
  for (const folder of (process.env["PATH"] ?? "").split(separator)) {
    const path = join(folder, process.platform === "win32" ? `${name}.exe` : name);
    if (folder && (await isFile(path))) return path;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function readCache(file: string | undefined): Promise<z.infer<typeof Cached>> {
  const text = file === undefined ? undefined : await readFile(file, "utf8").catch(() => undefined);
  try {
    return text === undefined || text.length > FIND_LIMITS.maxCacheBytes ? {} : Cached.parse(JSON.parse(text));
  } catch {
    return {}; // asked again
  }
}

async function writeCache(file: string | undefined, cache: z.infer<typeof Cached>): Promise<void> {
  if (file === undefined) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(cache));
}

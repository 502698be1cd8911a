import { mkdtemp, readFile, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { systemDisk } from "../../kernel/disk.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import { replaceFile } from "../../kernel/files/atomic-file.ts";
import { namedBlender, candidateBlenders } from "./blender-places.ts";
import { BlenderProcess } from "../blender-process.ts";
import { compareVersions, OLDEST_BLENDER } from "./blender-version.ts";
import type { BlenderBuild, StartProcess } from "../types.ts";

export { deviceClassOf } from "../device-class.ts";

/** Limits on the time and output of a program that may be a Blender. */
export const FIND_LIMITS = { describeTimeoutMs: 60_000, maxCacheBytes: 1024 * 1024, maxCachedBuilds: 200 } as const;

const Description = z.strictObject({
  version: z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/),
  buildHash: z.string().regex(/^[0-9a-f]{6,64}$/),
  hasDenoiser: z.boolean(),
});
const Cache = z.record(z.string(), z.strictObject({ stamp: z.string().max(100), build: Description }));
type Cache = z.infer<typeof Cache>;

export interface FindDeps {
  readonly start: StartProcess;
  /** BLENDER_PATH, PATH and the like; the process's own when left out. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Every Blender of this machine that is new enough, newest first; with `explicit` only that one.
 *
 * Version and build of each are cached in `cacheFile`, by path, time and size of the program.
 * Throws BLENDER_NOT_FOUND and BLENDER_TOO_OLD, both only for the explicit one: others are skipped.
 */
export async function findBlenders(
  deps: FindDeps,
  options: { readonly explicit?: string; readonly cacheFile?: string },
  signal: AbortSignal,
): Promise<BlenderBuild[]> {
  const cache = await readCache(options.cacheFile);
  const before = JSON.stringify(cache);
  const builds =
    options.explicit === undefined ? await allBuilds(deps, cache, signal) : [await explicitBuild(deps, options.explicit, cache, signal)];
  if (options.cacheFile !== undefined && JSON.stringify(cache) !== before) await writeCache(options.cacheFile, cache);
  return builds.toSorted((a, b) => compareVersions(b.version, a.version));
}

/** Starts a Blender once and reads its version and build. Throws BLENDER_NOT_FOUND when that fails. */
export async function describeBlender(deps: FindDeps, path: string, signal: AbortSignal): Promise<BlenderBuild> {
  const scratch = await mkdtemp(join(tmpdir(), "p2p-render-"));
  try {
    await using blender = await BlenderProcess.start(
      deps,
      { blender: path, script: "probe_main.py", scratch, startTimeoutMs: FIND_LIMITS.describeTimeoutMs },
      signal,
    );
    return { path, ...Description.parse(await blender.request("describe", {}, signal, FIND_LIMITS.describeTimeoutMs)) };
  } catch (cause) {
    signal.throwIfAborted();
    throw new FarmError("BLENDER_NOT_FOUND", `${path} does not work as Blender: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function explicitBuild(deps: FindDeps, explicit: string, cache: Cache, signal: AbortSignal): Promise<BlenderBuild> {
  const path = await namedBlender(explicit, deps.env ?? process.env);
  if (path === undefined) throw new FarmError("BLENDER_NOT_FOUND", `there is no Blender at ${explicit}`, { facts: { path: explicit } });
  const build = await knownOrDescribed(deps, path, cache, signal);
  if (compareVersions(build.version, OLDEST_BLENDER) >= 0) return build;
  throw new FarmError("BLENDER_TOO_OLD", `${path} is Blender ${build.version}, and ${OLDEST_BLENDER} is the oldest supported version`, {
    facts: { path, version: build.version },
  });
}

/** A program that fails is skipped. */
async function allBuilds(deps: FindDeps, cache: Cache, signal: AbortSignal): Promise<BlenderBuild[]> {
  const builds = new Map<string, BlenderBuild>();
  for (const path of await candidateBlenders(deps.env ?? process.env)) {
    const real = await realpath(path).catch(() => path);
    if (builds.has(real)) continue;
    try {
      const build = await knownOrDescribed(deps, path, cache, signal);
      if (compareVersions(build.version, OLDEST_BLENDER) >= 0) builds.set(real, build);
    } catch {
      signal.throwIfAborted();
    }
  }
  return [...builds.values()];
}

async function knownOrDescribed(deps: FindDeps, path: string, cache: Cache, signal: AbortSignal): Promise<BlenderBuild> {
  const { mtimeMs, size } = await stat(path);
  const stamp = `${mtimeMs} ${size}`;
  const known = cache[path];
  if (known?.stamp === stamp) return { path, ...known.build };
  const { path: _, ...build } = await describeBlender(deps, path, signal);
  cache[path] = { stamp, build };
  return { path, ...build };
}

/** An unreadable or invalid cache is ignored: the Blenders are started again. */
async function readCache(file: string | undefined): Promise<Cache> {
  if (file === undefined) return {};
  try {
    if ((await stat(file)).size > FIND_LIMITS.maxCacheBytes) return {};
    const cache = Cache.parse(JSON.parse(await readFile(file, "utf8")));
    return Object.keys(cache).length > FIND_LIMITS.maxCachedBuilds ? {} : cache;
  } catch {
    return {};
  }
}

/** Atomic, since another bridge may read it at the same time. If the home cannot be written, the next run just takes longer. */
async function writeCache(file: string, cache: Cache): Promise<void> {
  await systemDisk
    .mkdir(dirname(file), { recursive: true })
    .then(() => replaceFile(systemDisk, file, JSON.stringify(cache)))
    .catch(() => {});
}

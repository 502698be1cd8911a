import { execa } from "execa";
import { FarmError } from "../../kernel/errors.ts";

export interface FoundFfmpeg {
  readonly path: string;
  /** Its own version string, for instance "5.1.9-0+deb12u1". */
  readonly version: string;
  readonly from: "FFMPEG_PATH" | "ffmpeg-static" | "PATH";
}

/**
 * Finds an ffmpeg that runs: FFMPEG_PATH, then ffmpeg-static, then PATH.
 *
 * Throws FFMPEG_NOT_FOUND; also when FFMPEG_PATH names something that does not run, because the user's
 * own choice is not silently ignored.
 */
export async function findFfmpeg(
  signal: AbortSignal,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<FoundFfmpeg> {
  const chosen = env["FFMPEG_PATH"];
  if (chosen) {
    const version = await versionOf(chosen, signal);
    if (version === undefined) throw new FarmError("FFMPEG_NOT_FOUND", `FFMPEG_PATH names ${chosen}, which does not run`);
    return { path: chosen, version, from: "FFMPEG_PATH" };
  }
  const bundled = await ffmpegStatic();
  const bundledVersion = bundled === undefined ? undefined : await versionOf(bundled, signal);
  if (bundled !== undefined && bundledVersion !== undefined) return { path: bundled, version: bundledVersion, from: "ffmpeg-static" };
  const version = await versionOf("ffmpeg", signal, env);
  if (version === undefined) throw new FarmError("FFMPEG_NOT_FOUND", "no ffmpeg was found on this machine");
  return { path: "ffmpeg", version, from: "PATH" };
}

/** An optional dependency: it may be absent, and the file it names may not have been downloaded. */
async function ffmpegStatic(): Promise<string | undefined> {
  const name: string = "ffmpeg-static"; // not a literal, so that neither compiler nor bundler needs it
  try {
    const loaded = (await import(name)) as { readonly default?: unknown };
    return typeof loaded.default === "string" ? loaded.default : undefined;
  } catch {
    return undefined;
  }
}

async function versionOf(
  path: string,
  signal: AbortSignal,
  env?: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  signal.throwIfAborted();
  const search = env === undefined ? {} : { env: { PATH: env["PATH"] ?? "" }, extendEnv: true };
  const options = { reject: false, timeout: 20_000, stdin: "ignore", maxBuffer: 64 * 1024, cancelSignal: signal, ...search } as const;
  const result = await execa(path, ["-hide_banner", "-version"], options);
  signal.throwIfAborted();
  return /^ffmpeg version (\S+)/.exec(result.stdout ?? "")?.[1];
}

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { join, posix, sep } from "node:path";
import { FarmError } from "../../kernel/errors.ts";
import type { RunningProcess } from "../types.ts";

/** The limits of a result's file name, accepted everywhere on its way. */
const NAME = /^[^/\\\p{C}]{1,255}$/u;
/** Not a Windows device name, stream or alias. */
const NOT_ON_WINDOWS = /[<>:"|?*]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

export interface ResultLocation {
  /** The session's own folder on this machine. */
  readonly scratch: string;
  readonly take: RunningProcess["take"];
}

/**
 * The files reported by a Blender, as files in the session's folder on this machine. A hostile scene may have compromised its
 * Blender: paths and links that lead outside that folder are refused, and only bytes are read from a sandbox.
 */
export async function localResultFiles(paths: readonly string[], { scratch, take }: ResultLocation): Promise<string[]> {
  if (take === undefined) {
    await requireInside(paths, scratch);
    return [...paths];
  }
  if (paths.length === 0) return [];
  const folder = await mkdtemp(join(scratch, "taken-"));
  try {
    const files = await Promise.all(
      paths.map(async (path) => ({ path, toPath: join(await mkdtemp(join(folder, "file-")), nameOf(path)) })),
    );
    await take(files);
    return files.map(({ toPath }) => toPath);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function requireInside(paths: readonly string[], scratch: string): Promise<void> {
  const home = (await realpath(scratch)) + sep;
  for (const path of paths) {
    const real = await realpath(path).catch(() => undefined);
    if (!real?.startsWith(home)) throw new FarmError("BLENDER_SCRIPT_FAILED", "Blender named a result outside its own folder");
  }
}

/** Each file has its own folder, so that names need not be unique, only safe. */
function nameOf(path: string): string {
  const name = posix.basename(path);
  const isHarmless = NAME.test(name) && name !== "." && name !== ".." && Buffer.byteLength(name) <= 255;
  if (!isHarmless || (process.platform === "win32" && NOT_ON_WINDOWS.test(name))) {
    throw new FarmError("BLENDER_SCRIPT_FAILED", "Blender gave a result an invalid file name");
  }
  return name;
}

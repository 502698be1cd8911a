import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { BlenderBuild } from "../blender/types.ts";

/** Official builds that `npm run setup -- --for test` brings: with a denoiser, which distributions leave out. */
export const OFFICIAL_VERSIONS = ["4.5.15", "5.0.1"] as const;

const FOLDER = fileURLToPath(new URL("../../.runtime/official-blenders/", import.meta.url));

/** An official Blender on this machine. Throws when set-up has not brought it. */
export function officialBlender(version: string): BlenderBuild {
  const path = join(FOLDER, `blender-${version}`);
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run setup -- --for test brings it`);
  const said = execFileSync(path, ["--version"], { encoding: "utf8" });
  return { path, version: /Blender (\d+\.\d+\.\d+)/.exec(said)?.[1] ?? "", buildHash: "test", hasDenoiser: true };
}

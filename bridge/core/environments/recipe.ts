import { FarmError } from "../../kernel/errors.ts";

/** How an environment is built. */
export interface Recipe {
  /** A distribution's package, or the build of blender.org. */
  readonly source: "distribution" | "official";
  /** The Debian release below it. */
  readonly release: string;
  /** Official builds only. */
  readonly version?: string;
  readonly sha256?: string;
  readonly gpu?: GpuVendor;
}

export const GPU_VENDORS = ["nvidia", "amd", "intel"] as const;
export type GpuVendor = (typeof GPU_VENDORS)[number];

/** Which Debian release packages which Blender. */
const RELEASES: Readonly<Record<string, string>> = { "3.4": "bookworm", "4.3": "trixie", "5.2": "sid" };
/** The base of official builds, which contain most of their dependencies. */
const OFFICIAL_BASE = "bookworm";

export interface BlenderWanted {
  /** "4.3", or in full "4.2.9". */
  readonly version: string;
  /** Of the official Linux archive. */
  readonly sha256?: string | undefined;
  readonly gpu?: GpuVendor | undefined;
}

/** The recipe for a Blender version. With a checksum it is the official build, else Debian's. Throws USAGE. */
export function recipeFor({ version, sha256, gpu }: BlenderWanted): Recipe {
  const series = /^(\d{1,3}\.\d{1,3})(?:\.\d{1,3})?$/.exec(version)?.[1];
  if (series === undefined) throw new FarmError("USAGE", `"${version}" is no version of Blender`, { advice: "Write 4.3, or 4.2.9." });
  const forGpu = gpu === undefined ? {} : { gpu };
  if (sha256 !== undefined) {
    if (version === series || !/^[0-9a-f]{64}$/.test(sha256))
      throw new FarmError("USAGE", "an official build needs its version in full and the SHA-256 of its archive", {
        advice: "For instance --blender 4.2.9 --sha256 …; the SHA-256 is listed beside the archive on download.blender.org.",
      });
    return { source: "official", release: OFFICIAL_BASE, version, sha256, ...forGpu };
  }
  const release = RELEASES[series];
  if (release !== undefined) return { source: "distribution", release, ...forGpu };
  const known = Object.keys(RELEASES).join(", ");
  throw new FarmError("USAGE", `no Debian release packages Blender ${series} (they have ${known})`, {
    advice: `Use the official build: --blender ${version === series ? `${series}.0` : version} --sha256 <of its linux-x64.tar.xz>.`,
  });
}

/** The arguments of the Containerfile. */
export function buildArguments(recipe: Recipe, baseImage: string): Record<string, string> {
  const { source, version, sha256 } = recipe;
  const official = version === undefined || sha256 === undefined ? {} : { BLENDER_VERSION: version, BLENDER_SHA256: sha256 };
  return { BASE_IMAGE: baseImage, BLENDER_SOURCE: source, ...official };
}

import { join } from "node:path";
import { type FarmError, isFarmError } from "../../kernel/errors.ts";
import type { ImageEngine } from "./image-engine.ts";
import { canMakeBase, makeBase } from "./make-base.ts";

export interface BaseImage {
  readonly image: string;
  /** Build arguments for the Containerfiles. */
  readonly args: Readonly<Record<string, string>>;
}

export interface BaseImageProgress {
  readonly note: (message: string) => void;
  readonly line: (line: string) => void;
}

/**
 * The named base; else a Debian of the engine, or of a registry, or one made on this machine.
 * Throws BASE_IMAGE_MISSING.
 */
export async function resolveBaseImage(
  engine: ImageEngine,
  wanted: { readonly release: string; readonly named: string | undefined; readonly containers: string },
  watch: BaseImageProgress,
  signal: AbortSignal,
): Promise<BaseImage> {
  const { release, named, containers } = wanted;
  const image = named ?? `debian:${release}-slim`;
  const own = `p2p-render/base:${release}`;
  // Its mirror may be a snapshot that is past its date of expiry.
  const ownBase: BaseImage = { image: own, args: { APT_OPTIONS: "-o Acquire::Check-Valid-Until=false" } };
  if (await engine.find(image)) return { image, args: {} };
  if (named === undefined && (await engine.find(own))) return ownBase;
  const refusal = await pulled(engine, image, watch, signal);
  if (refusal === undefined) return { image, args: {} };
  if (named !== undefined || !canMakeBase()) throw refusal;
  watch.note(`${image} cannot be pulled: debootstrap makes a minimal Debian ${release} on this machine`);
  await makeBase(engine, { script: join(containers, "make-base.sh"), release, tag: own }, watch.line, signal);
  return ownBase;
}

async function pulled(engine: ImageEngine, image: string, watch: BaseImageProgress, signal: AbortSignal): Promise<FarmError | undefined> {
  try {
    await engine.pull(image, watch.line, signal);
    return undefined;
  } catch (error) {
    if (isFarmError(error, "BASE_IMAGE_MISSING")) return error;
    throw error;
  }
}

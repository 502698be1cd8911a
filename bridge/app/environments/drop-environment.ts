import type { EnvironmentStore } from "../../content/environments/environment-store.ts";
import { type EnvironmentDigest, environmentTag } from "../../core/environments/facts.ts";
import type { Environments } from "../../database/types.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import type { ImageEngine } from "../../sandbox/images/image-engine.ts";

export interface EnvironmentPlaces {
  readonly engine: ImageEngine;
  readonly contents: EnvironmentStore;
  readonly environments: Environments;
}

/** Removes an environment from the engine, the block store and the catalog. Throws ENVIRONMENT_BUSY while work runs in it; it stays then. */
export async function dropEnvironment({ engine, contents, environments }: EnvironmentPlaces, digest: EnvironmentDigest): Promise<void> {
  const image = await engine.findEnvironment(digest);
  try {
    await engine.remove(environmentTag(digest));
    if (image && (await engine.findEnvironment(digest))) await engine.remove(image.id);
  } catch (cause) {
    if (image) await engine.name(image, digest);
    throw new FarmError("ENVIRONMENT_BUSY", `the engine does not remove it: ${messageOf(cause).slice(0, 300)}`, { cause });
  }
  await contents.remove(digest);
  environments.delete(digest);
}

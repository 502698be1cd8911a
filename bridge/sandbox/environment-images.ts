import type Docker from "dockerode";
import { ENVIRONMENT_LABELS, factsOf } from "../core/environments/facts.ts";
import { FarmError, messageOf } from "../kernel/errors.ts";

/** A container image with a Blender, on this machine's engine. */
export interface EnvironmentImage {
  /** "sha256:…": what is run, whatever its names come to mean. */
  readonly id: string;
  readonly names: readonly string[];
  readonly createdMs: number;
  readonly bytes: number;
  readonly blender: { readonly version: string; readonly buildHash: string; readonly path: string };
}

/** All environments of this engine, newest first; what a build that broke off left has their labels, and no name. */
export async function listEnvironments(engine: Docker): Promise<EnvironmentImage[]> {
  const images = await engine.listImages({ filters: { label: [`${ENVIRONMENT_LABELS.mark}=1`], dangling: ["false"] } });
  return images.flatMap((image) => environmentOf(image)).toSorted((a, b) => b.createdMs - a.createdMs);
}

/** The environment of this name, id or beginning of an id; the newest when not said. Throws ENVIRONMENT_MISSING. */
export async function findEnvironment(engine: Docker, wanted: string | undefined): Promise<EnvironmentImage> {
  const all = await listEnvironments(engine).catch((cause: unknown) => {
    throw new FarmError("SANDBOX_UNAVAILABLE", `the container engine does not tell its images: ${messageOf(cause)}`, { cause });
  });
  const found = wanted === undefined ? all[0] : all.find((image) => isCalled(image, wanted));
  if (found) return found;
  if (wanted === undefined) throw new FarmError("ENVIRONMENT_MISSING", "no environment is on this machine's container engine");
  const here = all.map(({ names, id }) => names[0] ?? id.slice(0, 19)).join(", ");
  const sentence = `there is no environment "${wanted}" on this machine's container engine`;
  throw new FarmError("ENVIRONMENT_MISSING", sentence, here === "" ? {} : { advice: `There are: ${here}.` });
}

function isCalled({ id, names }: EnvironmentImage, wanted: string): boolean {
  const digits = wanted.replace(/^sha256:/, "");
  const isId = /^[0-9a-f]{12,64}$/.test(digits) && id.slice("sha256:".length).startsWith(digits);
  return isId || names.includes(wanted) || names.includes(`${wanted}:latest`);
}

/** An image that claims to be an environment and does not say what is in it is none. */
function environmentOf({ Id, RepoTags, Created, Size, Labels }: Docker.ImageInfo): EnvironmentImage[] {
  const facts = factsOf(Labels);
  if (facts === undefined) return [];
  const blender = { version: facts.blenderVersion, buildHash: facts.buildHash, path: facts.blenderPath };
  return [{ id: Id, names: RepoTags ?? [], createdMs: Created * 1_000, bytes: Size, blender }];
}

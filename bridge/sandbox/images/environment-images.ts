import type Docker from "dockerode";
import {
  ENVIRONMENT_LABELS,
  type EnvironmentBlenderInfo,
  environmentName,
  factsFromLabels,
  matchesEnvironment,
} from "../../core/environments/facts.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";

/** A container image with a Blender, on this machine's engine. */
export interface EnvironmentImage {
  /** "sha256:…": containers are started by this, never by a tag. */
  readonly id: string;
  /** Its tag in the engine. */
  readonly names: readonly string[];
  /** Digest of its configuration, if known. */
  readonly digest: string;
  readonly createdMs: number;
  readonly bytes: number;
  readonly facts: EnvironmentBlenderInfo;
}

/** All environments of this engine, newest first; untagged leftovers of failed builds are skipped. */
export async function listEnvironmentImages(engine: Docker): Promise<EnvironmentImage[]> {
  const images = await engine.listImages({ filters: { label: [`${ENVIRONMENT_LABELS.mark}=1`], dangling: ["false"] } });
  return images.flatMap((image) => environmentOf(image)).toSorted((a, b) => b.createdMs - a.createdMs);
}

/** The environment that matches a user's text (see `matchesEnvironment`) or has that tag; the newest match; by default the newest of all. Throws ENVIRONMENT_MISSING. */
export async function findEnvironment(engine: Docker, wanted: string | undefined): Promise<EnvironmentImage> {
  const all = await listEnvironmentImages(engine).catch((cause: unknown) => {
    throw new FarmError("SANDBOX_UNAVAILABLE", `the container engine does not list its images: ${messageOf(cause)}`, { cause });
  });
  const found = wanted === undefined ? all[0] : all.find((image) => isCalled(image, wanted));
  if (found) return found;
  if (wanted === undefined) throw new FarmError("ENVIRONMENT_MISSING", "no environment is on this machine's container engine");
  const here = all.map(({ facts, digest }) => environmentName(facts, digest)).join(", ");
  const message = `there is no environment "${wanted}" on this machine's container engine`;
  throw new FarmError("ENVIRONMENT_MISSING", message, here === "" ? {} : { advice: `There are: ${here}.` });
}

function isCalled({ names, facts, digest }: EnvironmentImage, wanted: string): boolean {
  const called = names.map((name) => name.replace(/^localhost\//, "")); // Podman's prefix of local images
  return called.includes(wanted) || called.includes(`${wanted}:latest`) || matchesEnvironment(wanted, facts, digest);
}

/** An image with environment labels that are incomplete is skipped. */
function environmentOf({ Id, RepoTags, Created, Size, Labels }: Docker.ImageInfo): EnvironmentImage[] {
  const facts = factsFromLabels(Labels);
  if (facts === undefined) return [];
  const names = RepoTags ?? [];
  return [{ id: Id, names, digest: digestOf(Id, names), createdMs: Created * 1_000, bytes: Size, facts }];
}

/** Engines with containerd use other ids; the tag we gave contains the beginning of the digest. */
function digestOf(id: string, names: readonly string[]): string {
  const tagged = names
    .map((name) => /^(?:localhost\/)?p2p-render\/environment:([0-9a-f]{12})$/.exec(name)?.[1])
    .find((begin) => begin !== undefined);
  const digest = id.replace(/^sha256:/, "");
  return tagged === undefined || digest.startsWith(tagged) ? digest : tagged;
}

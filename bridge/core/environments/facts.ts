import { RENDER_BACKENDS } from "../gpu/render-backends.ts";
import type { Backend } from "../plan/chunk.ts";

/** SHA-256 of an image's configuration, in lower-case hexadecimal. The configuration names every layer by its hash: equal digests are equal images, on every engine. */
export type EnvironmentDigest = string;

/** The description of an environment's Blender: read by running it, then written to the image as labels. */
export interface EnvironmentBlenderInfo {
  /** "3.4.1" */
  readonly blenderVersion: string;
  readonly buildHash: string;
  /** Absolute, inside the image. */
  readonly blenderPath: string;
  /** What it can render with, given the device. */
  readonly backends: readonly Backend[];
  readonly hasDenoiser: boolean;
}

/** The labels of an environment. An image built by hand may set them, too. */
export const ENVIRONMENT_LABELS = {
  mark: "io.p2p-render.environment",
  version: "io.p2p-render.blender.version",
  hash: "io.p2p-render.blender.hash",
  path: "io.p2p-render.blender.path",
  backends: "io.p2p-render.blender.backends",
  denoiser: "io.p2p-render.blender.denoiser",
  /** What it was built from: equal recipes need not be built twice. */
  recipe: "io.p2p-render.recipe",
} as const;

export function imageLabelsOf(facts: EnvironmentBlenderInfo): Record<string, string> {
  return {
    [ENVIRONMENT_LABELS.mark]: "1",
    [ENVIRONMENT_LABELS.version]: facts.blenderVersion,
    [ENVIRONMENT_LABELS.hash]: facts.buildHash,
    [ENVIRONMENT_LABELS.path]: facts.blenderPath,
    [ENVIRONMENT_LABELS.backends]: facts.backends.join(","),
    [ENVIRONMENT_LABELS.denoiser]: facts.hasDenoiser ? "yes" : "no",
  };
}

/** Parses an image's labels; undefined for an image that is no environment. The labels are untrusted. */
export function factsFromLabels(labels: Readonly<Record<string, string>>): EnvironmentBlenderInfo | undefined {
  const text = (name: keyof typeof ENVIRONMENT_LABELS) => labels[ENVIRONMENT_LABELS[name]] ?? "";
  const blenderVersion = text("version");
  const buildHash = text("hash");
  const blenderPath = text("path");
  const fits =
    text("mark") === "1" &&
    /^\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(blenderVersion) &&
    /^[0-9a-f]{6,64}$/.test(buildHash) &&
    /^(?:\/[\w.+-]{1,64}){1,16}$/.test(blenderPath);
  if (!fits) return undefined;
  const named = text("backends").split(",");
  const backends = RENDER_BACKENDS.filter((backend) => backend === "CPU" || named.includes(backend));
  return { blenderVersion, buildHash, blenderPath, backends, hasDenoiser: text("denoiser") === "yes" };
}

/** The Blender in an environment, as a Blender of this machine is described. */
export function blenderIn({ blenderPath: path, blenderVersion: version, buildHash, hasDenoiser }: EnvironmentBlenderInfo) {
  return { path, version, buildHash, hasDenoiser };
}

/** "sha256:…" or bare hexadecimal as a digest; undefined for anything else. */
export function parseDigest(text: string): EnvironmentDigest | undefined {
  return /^(?:sha256:)?([0-9a-f]{64})$/.exec(text)?.[1];
}

/** The display name of an environment: its Blender, and enough of its digest to be unique. */
export function environmentName({ blenderVersion, backends }: EnvironmentBlenderInfo, digest: EnvironmentDigest): string {
  return `blender-${blenderVersion}${backends.length > 1 ? "-gpu" : ""}-${digest.slice(0, 12)}`;
}

/**
 * Whether a user's text matches this environment: by its name, its digest or a prefix of it, or its Blender's
 * version, in full or in part ("4.3"). Of a version there may be several.
 */
export function matchesEnvironment(reference: string, facts: EnvironmentBlenderInfo, digest: EnvironmentDigest): boolean {
  const digits = /^(?:sha256:)?([0-9a-f]{6,64})$/.exec(reference)?.[1];
  return (
    environmentName(facts, digest) === reference ||
    (digits !== undefined && digest.startsWith(digits)) ||
    `${facts.blenderVersion}.`.startsWith(`${reference}.`)
  );
}

/** The image tag of an environment: readable, and protects it from the engine's image pruning. Containers are started by digest, never by tag. */
export function environmentTag(digest: EnvironmentDigest): string {
  return `p2p-render/environment:${digest.slice(0, 12)}`;
}

import { z } from "zod";
import { FarmError } from "../../kernel/errors.ts";
import { Sha256 } from "../../core/sha256.ts";
import { sha256 } from "../../kernel/ids.ts";

/** Limits on every number that a peer sends. */
export const ENVIRONMENT_LIMITS = {
  maxManifestBytes: 2 * 1024 * 1024,
  /** The engines' own limit. */
  maxLayers: 127,
  maxBlocks: 16_384,
  maxBlockBytes: 4 * 1024 * 1024,
  maxConfigBytes: 256 * 1024,
  maxTotalBytes: 64 * 1024 ** 3,
} as const;

const EnvironmentBlock = z
  .strictObject({
    sha256: Sha256,
    /** As it is stored and sent. */
    bytes: z.int().min(1).max(ENVIRONMENT_LIMITS.maxBlockBytes),
    /** Of the unpacked layer. */
    rawBytes: z.int().min(1).max(ENVIRONMENT_LIMITS.maxBlockBytes),
  })
  .refine((block) => block.bytes <= block.rawBytes, "a block is larger than its contents");

const EnvironmentLayer = z.strictObject({
  /** SHA-256 of the layer's tar, as in the image's configuration. */
  diffId: Sha256,
  bytes: z.int().min(0).max(ENVIRONMENT_LIMITS.maxTotalBytes),
  blocks: z.array(EnvironmentBlock).max(ENVIRONMENT_LIMITS.maxBlocks),
});

/** How an image is cut into blocks. The image's configuration is stored under its own digest; the rest is verified against it. */
export const EnvironmentManifest = z
  .strictObject({
    version: z.literal(1),
    digest: Sha256,
    configBytes: z.int().min(2).max(ENVIRONMENT_LIMITS.maxConfigBytes),
    layers: z.array(EnvironmentLayer).min(1).max(ENVIRONMENT_LIMITS.maxLayers),
  })
  .superRefine((manifest, context) => {
    const fault = sizeFault(manifest.layers);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });
export type EnvironmentManifest = z.infer<typeof EnvironmentManifest>;
export type EnvironmentLayer = z.infer<typeof EnvironmentLayer>;
export type EnvironmentBlock = z.infer<typeof EnvironmentBlock>;

/** The canonical encoding: equal manifests have equal hashes. */
export function encodeEnvironment(manifest: EnvironmentManifest): Uint8Array {
  const { version, digest, configBytes, layers } = manifest;
  const canonical = {
    version,
    digest,
    configBytes,
    layers: layers.map(({ diffId, bytes, blocks }) => ({
      diffId,
      bytes,
      blocks: blocks.map((block) => ({ sha256: block.sha256, bytes: block.bytes, rawBytes: block.rawBytes })),
    })),
  };
  return new TextEncoder().encode(JSON.stringify(canonical));
}

/** Parses a received manifest. Throws ENVIRONMENT_INVALID, also when it is not in canonical encoding. */
export function parseEnvironmentManifest(bytes: Uint8Array): EnvironmentManifest {
  const parsed = EnvironmentManifest.safeParse(jsonOf(bytes, ENVIRONMENT_LIMITS.maxManifestBytes));
  if (!parsed.success) throw invalid(`${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`);
  if (Buffer.compare(encodeEnvironment(parsed.data), bytes) !== 0) throw invalid("it is not in canonical form");
  return parsed.data;
}

/** The needed part of an image's configuration; engines write much more. */
const ImageConfig = z.object({
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
  rootfs: z.object({
    type: z.literal("layers"),
    diff_ids: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)).max(ENVIRONMENT_LIMITS.maxLayers),
  }),
});

export interface ImageLayersAndLabels {
  /** Bare hexadecimal, bottom layer first. */
  readonly diffIds: readonly Sha256[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Reads an image's configuration. Throws ENVIRONMENT_INVALID. */
export function parseImageConfig(bytes: Uint8Array): ImageLayersAndLabels {
  const parsed = ImageConfig.safeParse(jsonOf(bytes, ENVIRONMENT_LIMITS.maxConfigBytes));
  if (!parsed.success) throw invalid("its configuration is not that of an image");
  const { rootfs, config } = parsed.data;
  return { diffIds: rootfs.diff_ids.map((id) => id.slice("sha256:".length)), labels: config?.Labels ?? {} };
}

/** The configuration of `manifest`, verified: it has that digest and names these layers. Throws ENVIRONMENT_INVALID. */
export function checkConfig(manifest: EnvironmentManifest, config: Uint8Array): ImageLayersAndLabels {
  if (sha256(config) !== manifest.digest) throw invalid("its configuration does not match");
  const facts = parseImageConfig(config);
  const isSame = facts.diffIds.length === manifest.layers.length && facts.diffIds.every((id, at) => id === manifest.layers[at]?.diffId);
  if (!isSame) throw invalid("its layers are not those of its configuration");
  return facts;
}

/** Every block of an environment that is transferred, without the layers that are not needed. */
export function contentsOf(manifest: EnvironmentManifest, without: ReadonlySet<Sha256> = new Set()): { hash: Sha256; bytes: number }[] {
  const wanted = new Map<Sha256, number>([[manifest.digest, manifest.configBytes]]);
  for (const layer of manifest.layers) {
    if (!without.has(layer.diffId)) for (const block of layer.blocks) wanted.set(block.sha256, block.bytes);
  }
  return [...wanted].map(([hash, bytes]) => ({ hash, bytes }));
}

/** Bytes of all layers, as an engine unpacks them. */
export function uncompressedLayerBytes({ layers }: EnvironmentManifest): number {
  return layers.reduce((sum, layer) => sum + layer.bytes, 0);
}

function sizeFault(layers: readonly EnvironmentLayer[]): string | undefined {
  let blocks = 0;
  let total = 0;
  const sizes = new Map<Sha256, string>();
  for (const layer of layers) {
    if (layer.blocks.reduce((sum, block) => sum + block.rawBytes, 0) !== layer.bytes) return "a layer's blocks do not add up to its size";
    for (const { sha256: hash, bytes, rawBytes } of layer.blocks) {
      const size = `${bytes} ${rawBytes}`;
      if ((sizes.get(hash) ?? size) !== size) return "one block has two sizes";
      sizes.set(hash, size);
    }
    blocks += layer.blocks.length;
    total += layer.bytes;
  }
  if (blocks > ENVIRONMENT_LIMITS.maxBlocks) return "it has too many blocks";
  return total > ENVIRONMENT_LIMITS.maxTotalBytes ? "it is too large" : undefined;
}

function jsonOf(bytes: Uint8Array, most: number): unknown {
  if (bytes.length > most) throw invalid(`it is over ${most} bytes`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
}

function invalid(why: string, cause?: unknown): FarmError {
  return new FarmError("ENVIRONMENT_INVALID", `an environment was refused: ${why.slice(0, 300)}`, cause === undefined ? {} : { cause });
}

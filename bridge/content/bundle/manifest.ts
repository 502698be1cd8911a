import { z } from "zod";
import { FarmError } from "../../kernel/errors.ts";
import { Sha256 } from "../../core/sha256.ts";
import { bundlePathFault, foldPath } from "./path-rules.ts";

/** Limits on every number that a requester sends to a donor. */
export const MANIFEST_LIMITS = {
  maxManifestBytes: 64 * 1024 * 1024,
  maxFiles: 100_000,
  maxBlocks: 400_000,
  maxBlockBytes: 4 * 1024 * 1024,
  maxTotalBytes: 256 * 1024 ** 3,
  maxRemapEntries: 20_000,
  maxOriginalPathChars: 4096,
} as const;

/** The remap target that stands for the bundle's own folder. */
export const BUNDLE_ROOT = ".";

const BundlePath = z.string().superRefine((path, context) => {
  const fault = bundlePathFault(path);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

const ManifestBlock = z.strictObject({
  sha256: Sha256,
  bytes: z.int().min(1).max(MANIFEST_LIMITS.maxBlockBytes),
});

const ManifestFile = z.strictObject({
  path: BundlePath,
  bytes: z.int().min(0).max(MANIFEST_LIMITS.maxTotalBytes),
  blocks: z.array(ManifestBlock).max(MANIFEST_LIMITS.maxBlocks),
});

const RemapEntry = z.strictObject({
  /** Absolute folder or file on the requester's machine, POSIX, drive or UNC, as Blender wrote it there. */
  from: z
    .string()
    .max(MANIFEST_LIMITS.maxOriginalPathChars)
    .regex(/^(?:\/|[A-Za-z]:\\|\\\\)[^\0]*$/u),
  to: z.union([z.literal(BUNDLE_ROOT), BundlePath]),
});

/** The manifest of a scene bundle: files cut into blocks, and the new locations of the requester's absolute paths. */
export const SceneManifest = z
  .strictObject({
    version: z.literal(1),
    scene: BundlePath,
    files: z.array(ManifestFile).min(1).max(MANIFEST_LIMITS.maxFiles),
    remap: z.array(RemapEntry).max(MANIFEST_LIMITS.maxRemapEntries),
  })
  .superRefine((manifest, context) => {
    const fault = sizeFault(manifest.files) ?? nameFault(manifest.files);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    if (!manifest.files.some((file) => file.path === manifest.scene)) {
      context.addIssue({ code: "custom", message: "the scene is not among the files" });
    }
  });

export type SceneManifest = z.infer<typeof SceneManifest>;
export type ManifestFile = z.infer<typeof ManifestFile>;
export type ManifestBlock = z.infer<typeof ManifestBlock>;
export type RemapEntry = z.infer<typeof RemapEntry>;

/** The canonical encoding of a manifest: fixed key order, files and remap sorted, so that equal scenes have equal hashes. */
export function encodeManifest(manifest: SceneManifest): Uint8Array {
  const files = [...manifest.files].sort((a, b) => compare(a.path, b.path));
  const remap = [...manifest.remap].sort((a, b) => compare(a.from, b.from));
  const canonical = {
    version: manifest.version,
    scene: manifest.scene,
    files: files.map((file) => ({
      path: file.path,
      bytes: file.bytes,
      blocks: file.blocks.map((block) => ({ sha256: block.sha256, bytes: block.bytes })),
    })),
    remap: remap.map((entry) => ({ from: entry.from, to: entry.to })),
  };
  return new TextEncoder().encode(JSON.stringify(canonical));
}

/** Parses a received manifest. Throws MANIFEST_INVALID, also when it is not in canonical encoding. */
export function parseManifest(bytes: Uint8Array): SceneManifest {
  if (bytes.length > MANIFEST_LIMITS.maxManifestBytes) throw invalid(`it is over ${MANIFEST_LIMITS.maxManifestBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid("it is not JSON", error);
  }
  const parsed = SceneManifest.safeParse(value);
  if (!parsed.success) throw invalid(firstIssue(parsed.error), parsed.error);
  if (Buffer.compare(encodeManifest(parsed.data), bytes) !== 0) throw invalid("it is not in canonical form");
  return parsed.data;
}

/** Every distinct block of a bundle, in the order of the files. */
export function blocksOf(manifest: SceneManifest): readonly ManifestBlock[] {
  const seen = new Map<string, ManifestBlock>();
  for (const file of manifest.files) {
    for (const block of file.blocks) if (!seen.has(block.sha256)) seen.set(block.sha256, block);
  }
  return [...seen.values()];
}

/** Bytes of all files, as extracted on a donor's disk. */
export function totalBytesOf(manifest: SceneManifest): number {
  return manifest.files.reduce((sum, file) => sum + file.bytes, 0);
}

function sizeFault(files: readonly ManifestFile[]): string | undefined {
  const sizes = new Map<string, number>();
  let blocks = 0;
  let total = 0;
  for (const file of files) {
    let bytes = 0;
    for (const block of file.blocks) {
      bytes += block.bytes;
      if ((sizes.get(block.sha256) ?? block.bytes) !== block.bytes) return "one block has two sizes";
      sizes.set(block.sha256, block.bytes);
    }
    if (bytes !== file.bytes) return "a file's blocks do not add up to its size";
    blocks += file.blocks.length;
    total += bytes;
  }
  if (blocks > MANIFEST_LIMITS.maxBlocks) return `it has more than ${MANIFEST_LIMITS.maxBlocks} blocks`;
  if (total > MANIFEST_LIMITS.maxTotalBytes) return `its files are over ${MANIFEST_LIMITS.maxTotalBytes} bytes`;
  return undefined;
}

/** Two files that are the same to some file system, or a file that is also a folder. */
function nameFault(files: readonly ManifestFile[]): string | undefined {
  const names = new Set<string>();
  const folders = new Set<string>();
  for (const file of files) {
    const folded = foldPath(file.path);
    if (names.has(folded)) return "two paths differ only in case";
    names.add(folded);
    for (let slash = folded.indexOf("/"); slash !== -1; slash = folded.indexOf("/", slash + 1)) folders.add(folded.slice(0, slash));
  }
  for (const name of names) if (folders.has(name)) return "a path is a file and a folder";
  return undefined;
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? "it is invalid" : `${issue.path.map(String).join(".") || "manifest"}: ${issue.message}`;
}

function invalid(why: string, cause?: unknown): FarmError {
  return new FarmError("MANIFEST_INVALID", `the scene's manifest was refused: ${why.slice(0, 300)}`, cause === undefined ? {} : { cause });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { systemDisk } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";
import { replaceFile } from "../../kernel/files/atomic-file.ts";
import { type Sha256, SHA256_PATTERN, sha256 } from "../../kernel/ids.ts";
import type { BlockSource } from "../blocks/block-source.ts";
import { isErrno, readExactly } from "../blocks/disk.ts";
import { contentsOf, type EnvironmentManifest, encodeEnvironment, parseEnvironmentManifest } from "./environment-manifest.ts";

/** A transfer without progress for this long is not continued. */
const LEFT_OVER_MS = 7 * 24 * 3_600_000;

const Signatures = z.array(z.strictObject({ signer: z.string(), signature: z.string() })).max(8);
/** A peer's signature over the digest, as sent on. */
type Signature = z.infer<typeof Signatures>[number];

/**
 * Environments as blocks on disk. Unlike the scenes' block store it is used by several processes: a command shares an environment
 * while a donor of the same home serves others. So there is no index in memory; files appear complete, by rename.
 * An environment is removed as a whole, on its owner's command; blocks that another one needs stay.
 */
export class EnvironmentStore implements BlockSource {
  readonly #folder: string;

  /** `folder` is made at the first write. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  has(hash: Sha256): boolean {
    return SHA256_PATTERN.test(hash) && existsSync(this.#pathOf(hash));
  }

  async sizeOf(hash: Sha256): Promise<number | undefined> {
    const file = await stat(this.#pathOf(hash)).catch(() => undefined);
    return file?.isFile() ? file.size : undefined;
  }

  /** A read of the whole is verified; corrupted contents are removed. Throws BLOCK_MISSING. */
  async read(hash: Sha256, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const size = await this.sizeOf(hash);
    const bytes = size === undefined ? undefined : await readExactly(this.#pathOf(hash), offset, length).catch(() => undefined);
    if (bytes !== undefined && (length < (size ?? 0) || sha256(bytes) === hash)) return bytes;
    if (size !== undefined && length >= size) await rm(this.#pathOf(hash), { force: true });
    throw new FarmError("BLOCK_MISSING", "a block of the environment is missing", { facts: { hash } });
  }

  /** Throws BLOCK_CORRUPT when the bytes do not match the hash, DISK_FULL. */
  async put(hash: Sha256, bytes: Uint8Array): Promise<void> {
    if (sha256(bytes) !== hash) throw new FarmError("BLOCK_CORRUPT", "a block's bytes do not match its hash", { facts: { hash } });
    if (this.has(hash)) return;
    try {
      await this.#write(relativePathOf(hash), bytes);
    } catch (cause) {
      if (isErrno(cause, "ENOSPC") || isErrno(cause, "EDQUOT")) throw new FarmError("DISK_FULL", "the disk is full", { cause });
      throw cause;
    }
  }

  /** Stores a manifest under its hash and its environment's digest, with signatures. Returns its hash. */
  async keep(manifest: EnvironmentManifest, signatures: readonly Signature[]): Promise<Sha256> {
    const bytes = encodeEnvironment(manifest);
    const hash = sha256(bytes);
    await this.put(hash, bytes);
    await this.#write(join("signatures", manifest.digest), Buffer.from(JSON.stringify(signatures)));
    await this.#write(join("manifests", manifest.digest), bytes);
    return hash;
  }

  async manifestOf(digest: Sha256): Promise<EnvironmentManifest | undefined> {
    const bytes = await readFile(join(this.#folder, "manifests", digest)).catch(() => undefined);
    return bytes && parseEnvironmentManifest(bytes);
  }

  async signaturesOf(digest: Sha256): Promise<readonly Signature[]> {
    const written = await readFile(join(this.#folder, "signatures", digest), "utf8").catch(() => "[]");
    return Signatures.parse(JSON.parse(written));
  }

  /** Removes an environment, except blocks that others need. */
  async remove(digest: Sha256): Promise<void> {
    const manifest = await this.manifestOf(digest);
    await rm(join(this.#folder, "manifests", digest), { force: true });
    await rm(join(this.#folder, "signatures", digest), { force: true });
    if (manifest) await this.discard(manifest);
  }

  /** Removes blocks of abandoned transfers: old ones that no stored environment needs. */
  async sweep(nowMs: number): Promise<void> {
    const needed = await this.#needed();
    const blocks = join(this.#folder, "blocks");
    for (const name of await readdir(blocks, { recursive: true }).catch(() => [])) {
      const file = await stat(join(blocks, name)).catch(() => undefined);
      const isOld = file?.isFile() === true && nowMs - file.mtimeMs > LEFT_OVER_MS;
      if (isOld && !needed.has(basename(name))) await rm(join(blocks, name), { force: true });
    }
  }

  /** Removes the blocks of a manifest that no stored environment needs. */
  async discard(manifest: EnvironmentManifest): Promise<void> {
    const needed = await this.#needed();
    const own = [sha256(encodeEnvironment(manifest)), ...contentsOf(manifest).map(({ hash }) => hash)];
    for (const hash of own) if (!needed.has(hash)) await rm(this.#pathOf(hash), { force: true });
  }

  /** Every block of the complete environments. */
  async #needed(): Promise<ReadonlySet<Sha256>> {
    const needed = new Set<Sha256>();
    for (const digest of await this.#digests()) {
      const manifest = await this.manifestOf(digest);
      if (manifest) for (const { hash } of [...contentsOf(manifest), { hash: sha256(encodeEnvironment(manifest)) }]) needed.add(hash);
    }
    return needed;
  }

  async #digests(): Promise<Sha256[]> {
    const names = await readdir(join(this.#folder, "manifests")).catch(() => []);
    return names.filter((name) => SHA256_PATTERN.test(name));
  }

  /** Atomic, without sync: damage by a power cut is found at the next read. */
  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#folder, name);
    await systemDisk.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await replaceFile(systemDisk, path, bytes, { mode: 0o600 });
  }

  #pathOf(hash: Sha256): string {
    return join(this.#folder, relativePathOf(hash));
  }
}

function relativePathOf(hash: Sha256): string {
  return join("blocks", hash.slice(0, 2), hash);
}

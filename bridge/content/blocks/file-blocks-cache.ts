import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { systemDisk } from "../../kernel/disk.ts";
import { replaceFile } from "../../kernel/files/atomic-file.ts";
import { Sha256 } from "../../core/sha256.ts";
import { sha256 } from "../../kernel/ids.ts";
import { CHUNKER_SIZES, type FileBlock } from "./chunker.ts";
import { type FileStamp, sameStamp } from "../bundle/file-stamp.ts";
import { MANIFEST_LIMITS } from "../bundle/manifest.ts";

const CacheEntry = z.strictObject({
  version: z.literal(1),
  path: z.string(),
  bytes: z.int().min(0),
  mtimeNs: z.string(),
  ino: z.string(),
  blocks: z.array(z.strictObject({ sha256: Sha256, bytes: z.int().min(1).max(CHUNKER_SIZES.maxBytes) })).max(MANIFEST_LIMITS.maxBlocks),
});

/** Some file systems have time stamps in steps of up to 2 s: a file changed this recently could change again undetected. */
const SETTLED_MS = 2_000;

/** Caches the blocks of files, one small file per path, so that a big scene is not hashed again at each submit. */
export class FileBlocksCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The blocks of this file; undefined when it is unknown, changed, or the entry is damaged. */
  async find(path: string, stamp: FileStamp): Promise<FileBlock[] | undefined> {
    const entry = await this.#read(path);
    if (entry === undefined || entry.path !== path) return undefined;
    if (!sameStamp(entry, stamp)) return undefined;
    let offset = 0;
    const blocks = entry.blocks.map((block) => {
      const placed = { ...block, offset };
      offset += block.bytes;
      return placed;
    });
    return offset === stamp.bytes ? blocks : undefined;
  }

  /** Best effort: a cache that cannot be written costs time, not the job. */
  async put(path: string, stamp: FileStamp, blocks: readonly FileBlock[]): Promise<void> {
    if (Date.now() - Number(BigInt(stamp.mtimeNs) / 1_000_000n) < SETTLED_MS) return;
    const entry: z.infer<typeof CacheEntry> = {
      version: 1,
      path,
      ...stamp,
      blocks: blocks.map((block) => ({ sha256: block.sha256, bytes: block.bytes })),
    };
    await systemDisk
      .mkdir(this.#directory, { recursive: true })
      .then(() => replaceFile(systemDisk, this.#pathOf(path), JSON.stringify(entry)))
      .catch(() => {});
  }

  async #read(path: string): Promise<z.infer<typeof CacheEntry> | undefined> {
    try {
      const file = this.#pathOf(path);
      if ((await stat(file)).size > MANIFEST_LIMITS.maxManifestBytes) return undefined;
      return CacheEntry.safeParse(JSON.parse(await readFile(file, "utf8"))).data;
    } catch {
      return undefined;
    }
  }

  #pathOf(path: string): string {
    return join(this.#directory, `${sha256(new TextEncoder().encode(path))}.json`);
  }
}

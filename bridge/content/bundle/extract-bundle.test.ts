import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import type { SceneManifest } from "./manifest.ts";
import { extractBundle } from "./extract-bundle.ts";

const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "materialise-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const contents = new Map<string, Uint8Array>();
function blockOf(text: string): { sha256: string; bytes: number } {
  const bytes = new TextEncoder().encode(text);
  contents.set(sha256(bytes), bytes);
  return { sha256: sha256(bytes), bytes: bytes.length };
}

const store = {
  get: async (hash: string) => {
    const bytes = contents.get(hash);
    if (!bytes) throw new FarmError("BLOCK_MISSING", "gone");
    return bytes;
  },
};

function manifest(files: Record<string, string[]>): SceneManifest {
  const entries = Object.entries(files).map(([path, texts]) => {
    const blocks = texts.map(blockOf);
    return { path, bytes: blocks.reduce((sum, block) => sum + block.bytes, 0), blocks };
  });
  return { version: 1, scene: entries[0]!.path, files: entries, remap: [{ from: "/p", to: "." }] };
}

describe("extracting a bundle", () => {
  it("joins blocks into files below a new folder", async () => {
    const directory = join(folder, "scene");
    const made = await extractBundle(
      { manifest: manifest({ "a/s.blend": ["one", "two", "one"], "tex/x": ["t"], "tex/deep/y": [] }), store, directory },
      signal,
    );
    expect(made.scenePath).toBe(join(directory, "a", "s.blend"));
    expect(await readFile(made.scenePath, "utf8")).toBe("onetwoone");
    expect(await readFile(join(directory, "tex/deep/y"), "utf8")).toBe("");
    expect(made.remap).toEqual({ "/p": directory });
  });

  it.each(["../x", "/etc/x", "a/../../x", "C:\\x", "con"])(
    "writes nothing for %j, even when the manifest was not validated",
    async (path) => {
      const directory = join(folder, "scene");
      await expect(
        extractBundle({ manifest: manifest({ "s.blend": ["x"], [path]: ["evil"] }), store, directory }, signal),
      ).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it("never writes into an existing folder, nor through a link", async () => {
    await mkdir(join(folder, "there"));
    await symlink(join(folder, "there"), join(folder, "link"));
    for (const name of ["there", "link"]) {
      await expect(extractBundle({ manifest: manifest({ s: ["x"] }), store, directory: join(folder, name) }, signal)).rejects.toThrow(
        "EEXIST",
      );
    }
    expect(await readdir(join(folder, "there"))).toEqual([]);
  });

  it("does not follow a link that appears inside while it writes", async () => {
    const directory = join(folder, "scene");
    await writeFile(join(folder, "victim"), "mine");
    const trap = {
      get: async (hash: string) => {
        await symlink(join(folder, "victim"), join(directory, "tex.png")).catch(() => {});
        await symlink(folder, join(directory, "sub")).catch(() => {});
        return await store.get(hash);
      },
    };
    await expect(
      extractBundle({ manifest: manifest({ s: ["x"], "tex.png": ["evil"] }), store: trap, directory }, signal),
    ).rejects.toMatchObject({ code: "EEXIST" });
    await expect(
      extractBundle({ manifest: manifest({ s: ["x"], "sub/victim": ["evil"] }), store: trap, directory }, signal),
    ).rejects.toMatchObject({ code: "EEXIST" });
    expect(await readFile(join(folder, "victim"), "utf8")).toBe("mine");
  });

  it("leaves nothing behind when a block is missing, has another size, or the scene is too large", async () => {
    const directory = join(folder, "scene");
    const good = manifest({ s: ["first"], t: ["second"] });
    contents.delete(good.files[1]!.blocks[0]!.sha256);
    await expect(extractBundle({ manifest: good, store, directory }, signal)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    const short = { get: async () => new Uint8Array(1) };
    await expect(extractBundle({ manifest: good, store: short, directory }, signal)).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
    await expect(extractBundle({ manifest: good, store, directory, maxBytes: 3 }, signal)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await readdir(folder)).toEqual([]);
  });
});

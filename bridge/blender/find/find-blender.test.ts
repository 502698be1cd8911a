import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { describeBlender, findBlenders } from "./find-blender.ts";
import { TEST_BLENDER } from "../fixtures/inspect-kit.ts";
import { patience } from "../fixtures/session-kit.ts";
import type { StartProcess } from "../types.ts";

const folders: string[] = [];
let folder: string;
let started: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "find-blender-"));
  folders.push(folder);
  started = [];
});
afterAll(async () => {
  for (const each of folders) await rm(each, { recursive: true, force: true });
});

const start: StartProcess = async (request) => {
  started.push(request.command);
  return await startPlainProcess(request);
};

/** A program that answers as a Blender of a given version. */
async function pretend(name: string, version: string): Promise<string> {
  const path = join(folder, name);
  const answer = JSON.stringify({ id: 1, ok: true, result: { version, buildHash: "0123abcd", hasDenoiser: true } });
  const script = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
echo "$2" '{"event": "ready"}'
read -r line
echo "$2" '${answer}'
cat > /dev/null
`;
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

describe("finding Blender", () => {
  it("reads version and build of the real one", async () => {
    const [found, ...others] = await findBlenders({ start }, { explicit: TEST_BLENDER }, patience());
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      version: expect.stringMatching(/^[345]\.\d+\.\d+$/) as unknown,
      hasDenoiser: expect.any(Boolean) as unknown,
    });
    expect(found?.buildHash).toMatch(/^[0-9a-f]{6,}$/);
    expect(found?.path).toMatch(/^\/.*blender/);
  });

  it("identifies it by its executable, also behind a wrapper script", async () => {
    const [real] = await findBlenders({ start }, { explicit: TEST_BLENDER }, patience());
    const script = join(folder, "my-blender");
    await writeFile(script, `#!/bin/sh\nexec '${real?.path}' "$@"\n`);
    await chmod(script, 0o755);
    expect(await findBlenders({ start }, { explicit: script }, patience())).toEqual([{ ...real, path: script }]);
  });

  it("searches BLENDER_PATH and PATH, newest first, each executable once, without too old ones and other programs", async () => {
    const chosen = await pretend("chosen/blender", "3.4.1");
    const newer = await pretend("b/blender", "99.2.0");
    await pretend("a/blender", "2.93.1");
    await writeFile(join(folder, "no"), "no program");
    await mkdir(join(folder, "c"));
    await symlink(newer, join(folder, "c", "blender"));
    const env = { BLENDER_PATH: chosen, PATH: ["a", "b", "c", "nowhere"].map((name) => join(folder, name)).join(delimiter) };
    const found = (await findBlenders({ start, env }, {}, patience())).filter((build) => build.path.startsWith(folder));
    expect(found.map(({ path, version }) => [path, version])).toEqual([
      [newer, "99.2.0"],
      [chosen, "3.4.1"],
    ]);
  });

  it("says what is wrong with a named one", async () => {
    const find = async (explicit: string) => await findBlenders({ start }, { explicit }, patience());
    const old = await pretend("old", "3.3.21");
    const missing = join(folder, "missing");
    await expect(find(missing)).rejects.toMatchObject({ code: "BLENDER_NOT_FOUND", message: expect.stringContaining(missing) as unknown });
    await expect(find("no-such-blender")).rejects.toMatchObject({ code: "BLENDER_NOT_FOUND" });
    await expect(find("/bin/true")).rejects.toMatchObject({
      code: "BLENDER_NOT_FOUND",
      message: expect.stringContaining("/bin/true") as unknown,
    });
    await expect(find(old)).rejects.toMatchObject({ code: "BLENDER_TOO_OLD", message: expect.stringContaining("3.3.21") as unknown });
    await expect(find(await pretend("strange", "new"))).rejects.toMatchObject({ code: "BLENDER_NOT_FOUND" });
  });

  it("accepts the folder of an unpacked Blender", async () => {
    const path = await pretend("blender-9.9/blender", "9.9.0");
    expect(await findBlenders({ start }, { explicit: join(folder, "blender-9.9") }, patience())).toMatchObject([
      { path, version: "9.9.0" },
    ]);
  });

  it("starts each once, and again when the executable has changed or the cache is damaged", async () => {
    const explicit = await pretend("blender", "4.3.2");
    const cacheFile = join(folder, "cache", "blenders.json");
    const find = async () => await findBlenders({ start }, { explicit, cacheFile }, patience());
    const first = await find();
    expect(await find()).toEqual(first);
    expect(started.length).toBe(1);
    await pretend("blender", "4.3.9");
    await utimes(explicit, 1, 1);
    expect(await find()).toMatchObject([{ version: "4.3.9" }]);
    expect(started.length).toBe(2);
    for (const broken of ["{", '{"/x": {"stamp": 3}}', "[]", '{"/x": null}']) {
      await writeFile(cacheFile, broken);
      expect(await find()).toMatchObject([{ version: "4.3.9" }]);
    }
    expect(started.length).toBe(6);
    expect(JSON.parse(await readFile(cacheFile, "utf8"))).toHaveProperty([explicit]);
  });

  it("stops when it is aborted", async () => {
    await expect(describeBlender({ start }, await pretend("blender", "4.3.2"), AbortSignal.abort())).rejects.toThrow(/abort/i);
  });
});

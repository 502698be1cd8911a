import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../kernel/ids.ts";
import { systemWorld } from "../../kernel/world.ts";
import { fetchBytes, fetchFile } from "./fetch-file.ts";
import { MemoryStore, MemorySwarm } from "./fixtures/memory-swarm.ts";

const MIB = 1024 * 1024;
const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetch-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function donor(content: Uint8Array) {
  const store = new MemoryStore();
  store.blocks.set(sha256(content), content);
  const swarm = new MemorySwarm();
  const peer = swarm.join("donor0001", store);
  return { store, swarm, open: () => swarm.opener("requester")(peer), hash: sha256(content), bytes: content.length };
}

describe("fetching a file by ranges", () => {
  const content = new Uint8Array(randomBytes(18 * MIB + 5));

  it("[B6] fetches a large file, whole and verified, and leaves no partial file", async () => {
    const { open, hash, bytes } = donor(content);
    const seen: number[] = [];
    await fetchFile({ world: systemWorld, hash, bytes, open, toPath: join(folder, "r.exr") }, signal, (done) => seen.push(done));
    expect(sha256(await readFile(join(folder, "r.exr")))).toBe(hash);
    expect(await readdir(folder)).toEqual(["r.exr"]);
    expect(seen.at(-1)).toBe(bytes);
  });

  it("[B12] continues from where a broken attempt ended", async () => {
    const { open, hash, bytes, swarm } = donor(content);
    const toPath = join(folder, "r.exr");
    const broken = fetchFile({ world: systemWorld, hash, bytes, open, toPath }, signal, (done) => {
      if (done >= 8 * MIB) throw new Error("pulled out");
    });
    await expect(broken).rejects.toThrow("pulled out");
    await swarm.settled();
    swarm.bytesGiven.clear();
    await fetchFile({ world: systemWorld, hash, bytes, open, toPath }, signal);
    expect(sha256(await readFile(toPath))).toBe(hash);
    expect(swarm.bytesGiven.get("donor0001")!).toBeLessThan(11 * MIB);
  });

  it("[B12] a partial file with wrong bytes ends in BLOCK_CORRUPT, and the next attempt starts over", async () => {
    const { open, hash, bytes } = donor(content);
    const toPath = join(folder, "r.exr");
    await writeFile(`${toPath}.part`, randomBytes(1000));
    await expect(fetchFile({ world: systemWorld, hash, bytes, open, toPath }, signal)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect(await readdir(folder)).toEqual([]);
    await writeFile(`${toPath}.part`, randomBytes(bytes + 1));
    await fetchFile({ world: systemWorld, hash, bytes, open, toPath }, signal);
    expect(sha256(await readFile(toPath))).toBe(hash);
  });

  it("[B10] refuses wrong bytes, and sizes other than announced", async () => {
    const { open, hash, bytes, swarm } = donor(content);
    const toPath = join(folder, "r.exr");
    await expect(fetchFile({ world: systemWorld, hash, bytes: bytes + 1, open, toPath }, signal)).rejects.toMatchObject({
      code: "BLOCK_CORRUPT",
    });
    await expect(fetchFile({ world: systemWorld, hash, bytes: bytes - 1, open, toPath }, signal)).rejects.toMatchObject({
      code: "BLOCK_CORRUPT",
    });
    swarm.tamper = (_from, frame) => (frame.length > MIB / 16 ? frame.map((byte) => byte ^ 1) : frame);
    await expect(fetchFile({ world: systemWorld, hash, bytes, open, toPath }, signal)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect(await readdir(folder)).toEqual([]);
  });

  it("[B4] fails with BLOCK_MISSING when the peer does not have the file", async () => {
    const { open, bytes } = donor(content);
    await expect(
      fetchFile({ world: systemWorld, hash: "0".repeat(64), bytes, open, toPath: join(folder, "x") }, signal),
    ).rejects.toMatchObject({
      code: "BLOCK_MISSING",
    });
  });

  it("makes an empty file without a request, if the hash is that of an empty file", async () => {
    const open = () => Promise.reject(new Error("asked"));
    await fetchFile({ world: systemWorld, hash: sha256(new Uint8Array()), bytes: 0, open, toPath: join(folder, "e") }, signal);
    expect(await readFile(join(folder, "e"))).toHaveLength(0);
  });

  it("[B16] two fetches to one path at once both succeed, and neither writes the other's bytes", async () => {
    const honest = donor(content);
    const { hash, bytes } = honest;
    const toPath = join(folder, "r.exr");
    for (let round = 0; round < 3; round++) {
      const both = [
        fetchFile({ world: systemWorld, hash, bytes, open: honest.open, toPath }, signal),
        fetchFile({ world: systemWorld, hash, bytes, open: honest.open, toPath }, signal),
      ];
      await Promise.all(both);
      expect(sha256(await readFile(toPath))).toBe(hash);
    }
    const liar = donor(content);
    liar.swarm.tamper = (_from, frame) => (frame.length > MIB / 16 ? frame.map((byte) => byte ^ 1) : frame);
    const [lie, truth] = await Promise.allSettled([
      fetchFile({ world: systemWorld, hash, bytes, open: liar.open, toPath }, signal),
      fetchFile({ world: systemWorld, hash, bytes, open: honest.open, toPath }, signal),
    ]);
    expect([lie.status, truth.status]).toEqual(["rejected", "fulfilled"]);
    expect(sha256(await readFile(toPath))).toBe(hash);
    expect(await readdir(folder)).toEqual(["r.exr"]);
  });

  it("does not write through a link", async () => {
    const { open, hash, bytes } = donor(content);
    await writeFile(join(folder, "victim"), "mine");
    await symlink(join(folder, "victim"), join(folder, "r.exr.part"));
    await expect(fetchFile({ world: systemWorld, hash, bytes, open, toPath: join(folder, "r.exr") }, signal)).rejects.toMatchObject({
      code: "ELOOP",
    });
    expect(await readFile(join(folder, "victim"), "utf8")).toBe("mine");
  });

  it("fetches bytes into memory up to the caller's limit, and allocates nothing above it", async () => {
    const { open, hash, bytes } = donor(content.subarray(0, 5 * MIB));
    expect(
      Buffer.compare(await fetchBytes({ world: systemWorld, hash, bytes, open, maxBytes: 8 * MIB }, signal), content.subarray(0, 5 * MIB)),
    ).toBe(0);
    await expect(fetchBytes({ world: systemWorld, hash, bytes: 2 ** 40, open, maxBytes: 8 * MIB }, signal)).rejects.toMatchObject({
      code: "PEER_BROKE_PROTOCOL",
    });
  });
});

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { sha256 } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import { openBlockStore } from "./block-store.ts";

const disk = vi.hoisted(() => ({ full: true }));
vi.mock(import("./disk.ts"), async (original) => {
  const real = await original();
  const writeNewFile: typeof real.writeNewFile = async (path, bytes) => {
    if (disk.full) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await real.writeNewFile(path, bytes);
  };
  return { ...real, writeNewFile };
});

it("a full disk is DISK_FULL, the index stays correct, and the store works again when there is room", async () => {
  const directory = await mkdtemp(join(tmpdir(), "store-"));
  try {
    const store = await openBlockStore({ directory, capBytes: 1e6 }, { clock: systemClock, log: silentLog });
    const content = new Uint8Array(1000);
    await expect(store.put(sha256(content), content)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect([store.usedBytes, store.has(sha256(content)), await readdir(join(directory, "tmp"))]).toEqual([0, false, []]);
    disk.full = false;
    await store.put(sha256(content), content);
    expect(store.usedBytes).toBe(1000);
  } finally {
    await rm(directory, { recursive: true });
  }
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { diskContract } from "../test/contract/disk-contract.ts";
import { MemoryDisk } from "../test/fakes/memory-disk.ts";
import { SteppedClock } from "../test/simulation/steps.ts";
import { systemClock } from "./time/clock.ts";
import { systemDisk } from "./disk.ts";

// Windows has other codes for some of it.
describe.skipIf(process.platform === "win32")("of the real disk", () => {
  diskContract("systemDisk", async () => {
    const root = await mkdtemp(join(tmpdir(), "disk-"));
    return { disk: systemDisk, root, pass: (ms) => systemClock.sleep(ms), dispose: () => rm(root, { recursive: true, force: true }) };
  });
});

diskContract("MemoryDisk", async () => {
  const clock = new SteppedClock();
  const disk = new MemoryDisk({ clock });
  await disk.mkdir("/root");
  return { disk, root: "/root", pass: async (ms) => clock.advance(ms), dispose: async () => undefined };
});

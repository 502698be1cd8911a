import { expect, it } from "vitest";
import { MemoryDisk } from "./memory-disk.ts";
import { SteppedClock } from "../simulation/steps.ts";

it("files and folders get the time of the given clock", async () => {
  const clock = new SteppedClock();
  const disk = new MemoryDisk({ clock });
  await disk.writeFile("/a", "1");
  const writtenMs = clock.now();
  clock.advance(1_000);
  await disk.mkdir("/b");
  const times = await Promise.all(["/a", "/b", "/"].map(async (path) => (await disk.stat(path)).mtimeMs - writtenMs));
  expect(times).toEqual([0, 1_000, 1_000]);
});

it("a full disk refuses writes until something is removed", async () => {
  const disk = new MemoryDisk({ clock: new SteppedClock(), capBytes: 10 });
  await disk.writeFile("/a", "12345678");
  expect(await disk.freeBytes("/")).toBe(2);
  await using file = await disk.open("/b", "own");
  await expect(file.write(Buffer.from("abc"), 0, 3, 0)).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(disk.writeFile("/c", "abc")).rejects.toMatchObject({ code: "ENOSPC" });
  await disk.rm("/a");
  await file.write(Buffer.from("abc"), 0, 3, 0);
  expect(String(await disk.readFile("/b"))).toBe("abc");
});

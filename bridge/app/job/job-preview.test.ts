import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import sharp from "sharp";
import { expect, it } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { jobPreview } from "./job-preview.ts";

const RECT = { x: 0, y: 0, width: 4, height: 4 };
/** Longer than two writes are apart. */
const WRITE_MS = 700;

it("has written everything when it is closed, also for frames that were rendered at the same time", async () => {
  const root = await mkdtemp(join(tmpdir(), "p2p-preview-"));
  const tile = join(root, "tile.png");
  await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } })
    .png()
    .toFile(tile);
  const folder = join(root, "job");
  await mkdir(folder);
  const preview = jobPreview(systemClock, join(folder, "preview.png"));
  const add = (frame: number) => preview.add({ path: tile, rect: RECT, tileRect: RECT }, frame, RECT);
  await Promise.all([1, 2, 3, 2, 1].map(add));
  await preview.close();
  expect(await readdir(folder)).toEqual(["preview.png"]);
  await rm(join(folder, "preview.png"));
  await expect(add(4)).rejects.toMatchObject({ code: "CANCELLED" });
  await wait(WRITE_MS);
  expect(await readdir(folder)).toEqual([]);
  await rm(root, { recursive: true });
});

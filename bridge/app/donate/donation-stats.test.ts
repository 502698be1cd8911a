import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openDatabase } from "../../database/open-database.ts";
import { DonationStats } from "./donation-stats.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ledger-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const spec = { kind: "files", scene: "S", frame: 1, output: { name: "f", format: "PNG", useExtension: true } } as const;
const rendered = { event: "chunk-rendered", job: "j", lease: "1", spec, seconds: 3, bytes: 1 } as const;

it("counts donated work of today and in total, over restarts and over midnight", async () => {
  let nowMs = new Date(2026, 10, 23, 23, 0).getTime();
  const clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} };
  await using database = openDatabase(join(folder, "bridge.sqlite"));
  const first = new DonationStats(database.settings, clock);
  first.watch(rendered);
  first.noteEnergy({ joules: 50 }, 1);
  first.noteEnergy({ joules: 50 }, 0); // no slot was busy
  first.note("scene", 100);
  first.note("scene", 40);
  first.write();
  nowMs += 2 * 3_600_000;
  const second = new DonationStats(database.settings, clock);
  expect(second.totals).toMatchObject({ day: "2026-11-24", today: { chunks: 0 }, ever: { chunks: 1, frames: 1, seconds: 3, joules: 50 } });
  second.watch(rendered);
  expect(second.totals).toMatchObject({ today: { chunks: 1 }, ever: { chunks: 2, seconds: 6 } });
  expect(second.of("scene")).toBe(100);
  expect(second.of("another")).toBeUndefined();
});

it("remembers a limited number of scenes", async () => {
  await using database = openDatabase(join(folder, "bridge.sqlite"));
  const clock = { now: () => 0, monotonicMs: () => 0, sleep: async () => {} };
  const ledger = new DonationStats(database.settings, clock);
  for (let scene = 0; scene <= 500; scene++) ledger.note(`scene ${scene}`, scene);
  ledger.write();
  const again = new DonationStats(database.settings, clock);
  expect(again.of("scene 0")).toBeUndefined();
  expect(again.of("scene 500")).toBe(500);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JobRecord } from "../core/journal/records.ts";
import { foldJournal } from "../core/journal/fold.ts";
import { planJob } from "../core/plan/plan.ts";
import type { SceneFacts } from "../core/job/scene-facts.ts";
import { openDatabase } from "./open-database.ts";
import type { Database } from "./types.ts";

const HASH = "ab".repeat(32);
const FACTS: SceneFacts = {
  blenderVersion: "3.4.1",
  scene: "Scene",
  frameCurrent: 1,
  frameStart: 1,
  frameEnd: 2,
  frameStep: 1,
  fps: { numerator: 30_000, denominator: 1_001 },
  output: {
    format: "PNG",
    isMovie: false,
    overwrite: true,
    existing: [],
    useExtension: true,
    path: "/out/ä####",
    files: [
      { kind: "main", before: "/out/ä", digits: 4, after: ".png" },
      { kind: "node", paths: [[1, "/side/one.png"]] },
    ],
  },
  scenes: [
    {
      name: "Scene",
      engine: "CYCLES",
      width: 64,
      height: 48,
      region: { x: 0, y: 0, width: 64, height: 48 },
      cropped: false,
      samples: 4,
      adaptive: true,
      overscanPx: 16,
      denoised: false,
      denoise: undefined,
      viewLayers: ["ViewLayer"],
      views: [""],
      untileable: [],
      inOrder: undefined,
    },
  ],
  frameInputs: [{ frame: 1, sceneFrames: [{ scene: "Scene", frame: 1 }] }],
  hasDenoiser: false,
  warnings: [{ code: "X", message: "y" }],
};
const OPTIONS = { frames: [1, 2], still: false, tiles: { kind: "grid", columns: 2, rows: 2 }, slots: 3 } as const;
const CREATED: JobRecord = {
  type: "job-created",
  scenePath: "/scenes/a b.blend",
  flags: { frameStart: 1, useExtension: true },
  manifestHash: HASH,
  blender: { version: "3.4.1", buildHash: "abc" },
  planInput: { facts: FACTS, options: { ...OPTIONS, grids: planJob(FACTS, OPTIONS).grids } },
  settings: {
    video: "out.mp4",
    animation: true,
    verify: "spot",
    files: ["/scenes/a b.blend"],
    missingFiles: [],
    cwd: "/scenes",
    deliver: "files",
  },
};
const HISTORY: readonly JobRecord[] = [
  CREATED,
  {
    type: "chunk-accepted",
    chunk: "Scene:1:0-0-32-24",
    sha256: HASH,
    files: [{ role: "raw", name: "f.exr", sha256: HASH, bytes: 12 }],
    donor: "12D3KooW",
    checked: true,
  },
  { type: "chunk-revoked", chunk: "Scene:1:0-0-32-24", donor: "12D3KooW" },
  { type: "chunk-dead", chunk: "Scene:1:0-0-32-24", code: "BLENDER_CRASHED" },
  { type: "donor-banned", donor: "12D3KooW", reason: "mismatch" },
  { type: "frame-finished", frame: -3, files: [{ path: "/out/-003.png", bytes: 7 }] },
  { type: "paused" },
  { type: "resumed" },
  { type: "job-ended", outcome: "complete" },
];

let folder: string;
let database: Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bridge-journal-"));
  database = openDatabase(join(folder, "bridge.sqlite"), { now: () => 1_234 });
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the journal", () => {
  it("gives every kind of record back as it was, in order, with its time", async () => {
    await database.journal.append("job", HISTORY);
    const read = database.journal.read("job");
    expect(read.map(({ record }) => record)).toEqual(HISTORY);
    expect(read.map(({ at }) => at)).toEqual(HISTORY.map(() => 1_234));
    expect(read.map(({ seq }) => seq)).toEqual(read.map(({ seq }) => seq).toSorted((a, b) => a - b));
  });

  it("restores a job so that its plan is the same", async () => {
    await database.journal.append("job", [CREATED]);
    const { created } = foldJournal(database.journal.read("job").map(({ record }) => record));
    expect(created && planJob(created.planInput.facts, created.planInput.options)).toEqual(planJob(FACTS, OPTIONS));
  });

  it("keeps jobs apart", async () => {
    await Promise.all([database.journal.append("one", [{ type: "paused" }]), database.journal.append("two", [{ type: "resumed" }])]);
    expect(database.journal.read("one").map(({ record }) => record.type)).toEqual(["paused"]);
    expect(database.journal.read("three")).toEqual([]);
  });

  it("keeps the order of calls that share a commit", async () => {
    const frames = Array.from({ length: 100 }, (_, frame) => frame);
    await Promise.all(frames.map((frame) => database.journal.append("job", [{ type: "frame-finished", frame, files: [] }])));
    expect(database.journal.read("job").map(({ record }) => record.type === "frame-finished" && record.frame)).toEqual(frames);
  });

  it("commits in groups: a thousand single records take far less than a thousand flushes", async () => {
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    await Promise.all(
      Array.from({ length: 1_000 }, (_, frame) => database.journal.append("job", [{ type: "frame-finished", frame, files: [] }])),
    );
    const commits = exec.mock.calls.filter(([sql]) => sql === "COMMIT").length;
    exec.mockRestore();
    expect(commits).toBeGreaterThan(0);
    expect(commits).toBeLessThan(100);
  });

  it("rolls back a group that cannot be written, and fails every call in it", async () => {
    const cyclic: { type: "paused"; self?: unknown } = { type: "paused" };
    const blocker = new DatabaseSync(join(folder, "bridge.sqlite"));
    blocker.exec("CREATE TRIGGER full BEFORE INSERT ON journal WHEN new.job = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END");
    const results = await Promise.allSettled([
      database.journal.append("good", [cyclic]),
      database.journal.append("bad", [{ type: "paused" }]),
    ]);
    blocker.exec("DROP TRIGGER full");
    blocker.close();
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(database.journal.read("good")).toEqual([]);
    await database.journal.append("good", [{ type: "paused" }]);
    expect(database.journal.read("good")).toHaveLength(1);
  });

  it("rejects an unknown record by its name", async () => {
    const other = new DatabaseSync(join(folder, "bridge.sqlite"));
    other.exec(`INSERT INTO journal (job, at, body) VALUES ('job', 1, '{"type":"paused","extra":1}')`);
    other.close();
    expect(() => database.journal.read("job")).toThrow(expect.objectContaining({ code: "DATABASE_CORRUPT" }));
  });
});

import { describe, expect, it } from "vitest";
import { foldJournal } from "./fold.ts";
import type { ChunkAccepted, JobRecord } from "./records.ts";

const accepted = (chunk: string, sha256 = "aa"): ChunkAccepted => ({
  type: "chunk-accepted",
  chunk,
  sha256,
  files: [],
  donor: "d",
  checked: false,
});

describe("foldJournal", () => {
  it("starts empty, in the state working", () => {
    expect(foldJournal([])).toMatchObject({ created: undefined, state: "running" });
  });

  it("remembers the first acceptance of a chunk, and forgets it when it is revoked", () => {
    expect(foldJournal([accepted("a", "aa"), accepted("a", "bb")]).accepted.get("a")?.sha256).toBe("aa");
    expect(foldJournal([accepted("a"), { type: "chunk-revoked", chunk: "a", donor: "d" }]).accepted.size).toBe(0);
    expect(
      foldJournal([accepted("a"), { type: "chunk-revoked", chunk: "a", donor: "d" }, accepted("a", "cc")]).accepted.get("a")?.sha256,
    ).toBe("cc");
  });

  it("restores finished frames, dead chunks and banned donors", () => {
    const journalState = foldJournal([
      { type: "frame-finished", frame: 3, files: [{ path: "/out/3.png", bytes: 7 }] },
      { type: "chunk-dead", chunk: "b", code: "BLENDER_CRASHED" },
      { type: "donor-banned", donor: "d", reason: "mismatch" },
      { type: "job-ended", outcome: "incomplete" },
    ]);
    expect(journalState.finishedFrames.get(3)).toEqual([{ path: "/out/3.png", bytes: 7 }]);
    expect(journalState.dead.get("b")).toBe("BLENDER_CRASHED");
    expect(journalState.banned.get("d")).toBe("mismatch");
    expect(journalState.state).toBe("incomplete");
  });

  it("gives dead chunks and failed donors another chance when the job is resumed, but not donors banned for a mismatch", () => {
    const records: JobRecord[] = [
      { type: "chunk-dead", chunk: "b", code: "BLENDER_CRASHED" },
      { type: "donor-banned", donor: "tired", reason: "task" },
      { type: "donor-banned", donor: "liar", reason: "mismatch" },
      { type: "paused" },
    ];
    expect(foldJournal(records).state).toBe("paused");
    const journalState = foldJournal([...records, { type: "resumed" }]);
    expect(journalState.state).toBe("running");
    expect(journalState.dead.size).toBe(0);
    expect([...journalState.banned.keys()]).toEqual(["liar"]);
  });
});

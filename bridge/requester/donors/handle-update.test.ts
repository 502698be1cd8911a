import { beforeEach, describe, expect, it } from "vitest";
import type { DonorLink, DonorUpdate } from "./donor-link.ts";
import { testLink } from "./fixtures/test-link.ts";
import { watchedContext } from "./fixtures/watched-context.ts";
import { handleUpdate } from "./handle-update.ts";

const heartbeat = { type: "heartbeat", donor: "d" };
const place = { scene: "Scene", frame: 1, rect: { x: 0, y: 0, width: 4, height: 4 } };
const files = [{ role: "raw", name: "f.exr", sha256: "a".repeat(64), bytes: 5 }] as const;

let run: ReturnType<typeof watchedContext>;
let committed: unknown[][];
let isCommitted: boolean;
beforeEach(() => {
  [run, committed, isCommitted] = [watchedContext(), [], true];
});

function handle(update: Exclude<DonorUpdate, { type: "gone" }>, facts: Partial<DonorLink> = {}): void {
  const commit = (...all: unknown[]) => {
    committed.push(all);
    return isCommitted;
  };
  handleUpdate({ commit }, run.context, testLink(facts).link, update);
}

describe("a donor's updates about itself", () => {
  it("any update is a heartbeat; a heartbeat is nothing else", () => {
    handle({ type: "alive" });
    expect([run.told, run.events]).toEqual([[heartbeat], []]);
  });

  it.each([
    [true, undefined],
    [false, "its owner plays"],
  ])("availability (open: %s), with the reason", (open, reason) => {
    handle({ type: "availability", open, reason });
    expect(run.told).toEqual([{ type: "donor-availability", donor: "d", open }]);
    expect(run.events).toEqual([{ event: "donor-availability", donor: "d", name: "studio", open, reason }]);
  });

  it("transfer progress of the scene becomes an event", () => {
    handle({ type: "scene", phase: "fetching", bytesDone: 3, bytesTotal: 9 });
    expect(run.told).toEqual([heartbeat]);
    expect(run.events).toEqual([{ event: "scene-progress", donor: "d", bytesDone: 3, bytesTotal: 9 }]);
  });
});

describe("a donor's updates about a chunk", () => {
  it("started, with its position", () => {
    handle({ type: "started", chunk: "c1" });
    expect(run.told).toEqual([heartbeat]);
    expect(run.events).toEqual([{ event: "chunk-started", chunk: "c1", donor: "d", place }]);
  });

  it("started, for an unknown chunk, is ignored", () => {
    handle({ type: "started", chunk: "c9" });
    expect(run.events).toEqual([]);
  });

  it("rendered: commits to the files, with the named device class or the donor's own", () => {
    const gpu = { blenderVersion: "4.5.0", buildHash: "abc", backend: "CUDA", arch: "sm_90" } as const;
    handle({ type: "rendered", chunk: "c1", files, seconds: 7 });
    handle({ type: "rendered", chunk: "c2", files, seconds: 8, deviceClass: gpu });
    expect(committed).toEqual([
      ["c1", "d", files, testLink().link.deviceClass],
      ["c2", "d", files, gpu],
    ]);
    expect(run.told).toEqual([
      { type: "chunk-rendered", chunk: "c1", donor: "d", seconds: 7 },
      { type: "chunk-rendered", chunk: "c2", donor: "d", seconds: 8 },
    ]);
    expect(run.context.report.stats.accepted("c1", "d").seconds).toBe(7);
  });

  it("a repeated update is ignored, and changes no statistics", () => {
    isCommitted = false;
    handle({ type: "rendered", chunk: "c1", files, seconds: 7 });
    expect([run.told, run.events]).toEqual([[], []]);
    expect(run.context.report.stats.accepted("c1", "d").seconds).toBe(0);
  });

  it.each(["task", "transport"] as const)("failed (%s), with code and message", (kind) => {
    handle({ type: "failed", chunk: "c1", code: "BLENDER_CRASHED", message: "it fell", kind });
    expect(run.told).toEqual([heartbeat, { type: "chunk-failed", chunk: "c1", donor: "d", code: "BLENDER_CRASHED", kind }]);
    expect(run.events).toEqual([{ event: "chunk-failed", chunk: "c1", donor: "d", code: "BLENDER_CRASHED", message: "it fell" }]);
    expect(run.context.report.stats.lastFailure("c1")).toBe("it fell");
  });

  it.each(["NO_SUCH_CODE", "toString"])("an unknown error code (%s) counts as BLENDER_SCRIPT_FAILED", (code) => {
    handle({ type: "failed", chunk: "c1", code, message: "?", kind: "task" });
    expect(run.told[1]).toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
    expect(run.events[0]).toMatchObject({ code: "BLENDER_SCRIPT_FAILED" });
  });
});

describe("the failure SCENE_CHANGED", () => {
  const update = { type: "failed", chunk: "c1", code: "SCENE_CHANGED", message: "card.png changed", kind: "task" } as const;

  it("ends the job when it comes from this machine", () => {
    handle(update, { trusted: true });
    expect(run.failures).toEqual([expect.objectContaining({ code: "SCENE_CHANGED", message: "card.png changed" })]);
    expect([run.told, run.events]).toEqual([[heartbeat], []]);
  });

  it("counts as an ordinary failure when it comes from a peer", () => {
    handle(update);
    expect(run.failures).toEqual([]);
    expect(run.told[1]).toMatchObject({ type: "chunk-failed", code: "SCENE_CHANGED" });
  });
});

import { describe, expect, it } from "vitest";
import { Happenings } from "./happenings.ts";

const moment = { after: "chunk-accepted", count: 2, plusMs: 0 } as const;
const accepted = { event: "chunk-accepted" };

describe("the moment of a story's event", () => {
  it("comes with the counted job event, also when that was earlier", async () => {
    const happenings = new Happenings();
    const { signal } = new AbortController();
    const reached = happenings.reach(moment, signal);
    happenings.tell(accepted);
    happenings.tell({ event: "chunk-leased" });
    happenings.tell(accepted);
    expect(await reached).toBe(true);
    expect(await happenings.reach(moment, signal)).toBe(true);
  });

  it("never comes when the job ended earlier", async () => {
    const happenings = new Happenings();
    const ended = new AbortController();
    const reached = happenings.reach(moment, ended.signal);
    happenings.tell(accepted);
    ended.abort();
    expect(await reached).toBe(false);
    expect(await happenings.reach(moment, ended.signal)).toBe(false);
    expect(await happenings.reach({ after: "start", count: 0, plusMs: 60_000 }, ended.signal)).toBe(false);
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import { FarmError } from "../../kernel/errors.ts";
import { testLink } from "./fixtures/test-link.ts";
import { watchedContext } from "./fixtures/watched-context.ts";
import { JobDonors } from "./job-donors.ts";

const place = { scene: "Scene", frame: 1, rect: { x: 0, y: 0, width: 4, height: 4 } };
const files = [{ role: "raw", name: "f.exr", sha256: "a".repeat(64), bytes: 5 }] as const;

let run: ReturnType<typeof watchedContext>;
let donors: JobDonors;
let expected: string[];
let moves: number;
beforeEach(() => {
  [run, expected, moves] = [watchedContext(), [], 0];
  const results = { commit: () => true, expect: (chunk: string, donor: string) => void expected.push(`${chunk} of ${donor}`) };
  const sameClass = ({ arch }: { readonly arch: string }) => arch === "avx2";
  donors = new JobDonors({ results, sameClass, moved: () => void moves++ }, run.context);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const eventsOf = (event: string) => run.events.filter((each) => each.event === event);
const toldOf = (type: string) => run.told.filter((each) => each.type === type);

/** A donor that has joined, and of whom the schedule has heard. */
function here(facts: Parameters<typeof testLink>[0] = {}) {
  const donor = testLink(facts);
  donors.join(donor.link);
  donors.arrived();
  return donor;
}

describe("a donor that joins", () => {
  it("becomes an event and a schedule event, with its description", () => {
    donors.join(testLink().link);
    expect(run.events).toEqual([{ event: "donor-joined", donor: "d", name: "studio", slots: 2, local: false }]);
    expect(run.told).toEqual([{ type: "donor-joined", donor: "d", slots: 2, trusted: false, sameClass: true, benchmarkSpeed: 5 }]);
  });

  it("of another device class, or of this machine, is marked as such", () => {
    const deviceClass = { ...testLink().link.deviceClass, arch: "sse42" };
    donors.join(testLink({ deviceClass, trusted: true, benchmarkSpeed: undefined }).link);
    expect(run.told[0]).toMatchObject({ trusted: true, sameClass: false, benchmarkSpeed: undefined });
    expect(run.events[0]).toMatchObject({ local: true });
  });

  it("is in the list at once, and can be leased to after the schedule's event", () => {
    const { link } = testLink();
    donors.join(link);
    expect([donors.list, donors.get("d")]).toEqual([[link], undefined]);
    donors.arrived();
    expect([donors.list, donors.get("d")]).toEqual([[link], link]);
  });

  it("has no updates before it joined", () => {
    expect(() => donors.arrived()).toThrow("never came");
  });

  it("after the end of the job is closed, without an event", async () => {
    await donors.close();
    const { link, asked } = testLink();
    donors.join(link);
    expect([asked, donors.list, run.events, run.told]).toEqual([["close"], [], [], []]);
  });
});

describe("a donor that joins by a second link", () => {
  it("keeps its first link until the schedule has the second, then closes it without leaving the job", async () => {
    const first = here();
    const second = testLink();
    donors.join(second.link);
    donors.lease("c1", "d", 1);
    expect(first.asked).toEqual(["lease c1"]);
    donors.arrived();
    await turn();
    expect(first.asked).toEqual(["lease c1", "close"]);
    expect(donors.get("d")).toBe(second.link);
    expect(eventsOf("donor-left")).toEqual([]);
    expect(toldOf("donor-left")).toEqual([]);
  });

  it("is heard only on the second: updates of the first are ignored", async () => {
    const first = testLink({ close: async () => {} });
    donors.join(first.link);
    donors.arrived();
    here();
    first.updates.push({ type: "rendered", chunk: "c1", files, seconds: 1 });
    first.updates.push({ type: "gone", reason: "it went" });
    first.updates.close();
    await turn();
    expect([toldOf("chunk-rendered"), toldOf("donor-left"), moves]).toEqual([[], [], 0]);
    expect(donors.list).toHaveLength(1);
  });

  it("continues when its first link cannot be closed", async () => {
    here({ close: () => Promise.reject(new Error("no")) });
    const second = here();
    await turn();
    expect(donors.get("d")).toBe(second.link);
    expect(run.failures).toEqual([]);
  });
});

describe("a lease", () => {
  it("is sent to the donor, with an event, and its result is expected", () => {
    const { asked } = here();
    donors.lease("c1", "d", 3);
    expect(eventsOf("chunk-leased")).toEqual([{ event: "chunk-leased", chunk: "c1", donor: "d", attempt: 3, place }]);
    expect([expected, asked]).toEqual([["c1 of d"], ["lease c1"]]);
  });

  it.each([
    ["a donor that is not here", "c1", "nobody"],
    ["a chunk that is none", "c9", "d"],
  ])("for %s fails, without a failure of the chunk", (_what, chunk, donor) => {
    here();
    donors.lease(chunk, donor, 1);
    expect(run.told.at(-1)).toEqual({ type: "chunk-failed", chunk, donor, code: "PEER_UNREACHABLE", kind: "transport" });
    expect([expected, eventsOf("chunk-leased")]).toEqual([[], []]);
  });

  it("that is withdrawn has an event with its reason; a released one has none", () => {
    const { asked } = here();
    donors.withdraw("c1", "d", "stalled");
    donors.release("c1", "d");
    expect(asked).toEqual(["withdraw c1", "release c1"]);
    expect(eventsOf("chunk-withdrawn")).toEqual([{ event: "chunk-withdrawn", chunk: "c1", donor: "d", reason: "stalled" }]);
  });

  it("of a donor that has left is dropped without a message", () => {
    donors.withdraw("c1", "d", "stalled");
    donors.release("c1", "d");
    expect(eventsOf("chunk-withdrawn")).toHaveLength(1);
  });
});

describe("a donor that is banned", () => {
  it("has an event with its name and the reason, counts as banned, and stays connected", () => {
    here();
    donors.ban("d", "mismatch");
    expect(eventsOf("donor-banned")).toEqual([
      { event: "donor-banned", donor: "d", name: "studio", reason: "its pixels differ from what this machine renders" },
    ]);
    expect(donors.bannedNames).toEqual(["studio"]);
    expect(run.context.report.stats.stats(0, { bytesSent: 0, framesDone: 0 }).banned).toEqual(["studio"]);
    expect(donors.list).toHaveLength(1);
  });

  it("does not count as a donor for the job", () => {
    expect(donors.hasUsable).toBe(false);
    here();
    expect(donors.hasUsable).toBe(true);
    donors.ban("d", "task");
    expect(donors.hasUsable).toBe(false);
    donors.join(testLink({ id: "other" }).link);
    expect(donors.hasUsable).toBe(true);
  });
});

describe("updates of a donor", () => {
  it("reach the schedule, and all but heartbeats count as progress", async () => {
    const { updates } = here();
    updates.push({ type: "alive" });
    await turn();
    expect([toldOf("heartbeat").length, moves]).toEqual([1, 0]);
    updates.push({ type: "rendered", chunk: "c1", files, seconds: 1 });
    await turn();
    expect([toldOf("chunk-rendered").length, moves]).toEqual([1, 1]);
  });

  it("that it leaves: one event with the reason, and it is removed", async () => {
    const { updates } = here();
    updates.push({ type: "gone", reason: "its owner needs it" });
    updates.close();
    await turn();
    expect(eventsOf("donor-left")).toEqual([{ event: "donor-left", donor: "d", name: "studio", reason: "its owner needs it" }]);
    expect(toldOf("donor-left")).toEqual([{ type: "donor-left", donor: "d", reason: "its owner needs it" }]);
    expect([donors.list, donors.get("d")]).toEqual([[], undefined]);
  });

  it("that end without a goodbye: it has left, too", async () => {
    here().updates.close();
    await turn();
    expect(toldOf("donor-left")).toEqual([{ type: "donor-left", donor: "d", reason: "its link has ended" }]);
  });
});

describe("a tick", () => {
  it("is a heartbeat of this machine's own donors only", () => {
    here();
    here({ id: "local", trusted: true });
    donors.join(testLink({ id: "coming", trusted: true }).link);
    run.told.length = 0;
    donors.beat();
    expect(run.told).toEqual(["local", "coming"].map((donor) => ({ type: "heartbeat", donor })));
  });
});

describe("the end of the job", () => {
  it("closes all donors, also those that are joining, and waits for their last updates", async () => {
    const first = here();
    const second = testLink({ id: "coming" });
    donors.join(second.link);
    run.life.abort(new FarmError("CANCELLED", "the job has ended"));
    await donors.close();
    expect([first.asked, second.asked]).toEqual([["close"], ["close"]]);
    expect(toldOf("donor-left")).toHaveLength(1);
    expect(eventsOf("donor-left")).toEqual([]); // people know that the job is over
  });

  it("waits for the last updates of a closed link", async () => {
    const { updates } = here({ close: async () => {} });
    let isClosed = false;
    const closing = donors.close().then(() => (isClosed = true));
    await turn();
    expect(isClosed).toBe(false);
    updates.push({ type: "gone", reason: "the job has ended" });
    updates.close();
    await closing;
    expect(toldOf("donor-left")).toHaveLength(1);
  });

  it("does not wait for a donor that cannot be closed", async () => {
    const { link, updates } = testLink({ close: () => Promise.reject(new Error("no")) });
    donors.join(link);
    donors.arrived();
    updates.close();
    await donors.close();
    expect(donors.list).toEqual([]);
  });
});

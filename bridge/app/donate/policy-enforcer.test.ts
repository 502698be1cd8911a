import { describe, expect, it } from "vitest";
import { card } from "../../core/gpu/fixtures/cards.ts";
import type { Gpu } from "../../core/gpu/gpu.ts";
import type { OwnerCommand } from "../../core/terms/decide.ts";
import { readTerms, type TermName, type TermTexts } from "../../core/terms/parse-terms.ts";
import type { SetTerms } from "../../core/terms/terms-in-force.ts";
import type { SlotSize } from "../../core/terms/terms.ts";
import { silentLog } from "../../kernel/log.ts";
import type { MetricsRequest, HostMetrics } from "../../machine/machine-monitor.ts";
import { Freezer } from "../../sandbox/process/freezer.ts";
import type { DonorPolicyEvent } from "../../donor/donate-events.ts";
import { PolicyEnforcer } from "./policy-enforcer.ts";
import { AvailabilityPolicy } from "./policy-state.ts";

const CALM: HostMetrics = {
  idleMs: 3_600_000,
  othersLoad: 0,
  onBattery: false,
  programs: [],
  celsius: 40,
  watts: 20,
  joules: undefined,
  gpus: [],
  idleSensors: [],
};

/** A donor under control in which only the test moves the clock (UTC), the machine and the owner's commands. */
function controlled(flags: TermTexts, gpus: readonly Gpu[] = []) {
  let nowMs = Date.parse("2026-11-23T12:00:00Z");
  const clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} };
  let hostMetrics = CALM;
  const asked: MetricsRequest[] = [];
  let command: OwnerCommand | undefined;
  let terms: SetTerms = {};
  const said: string[] = [];
  const followed: string[] = [];
  const events: DonorPolicyEvent[] = [];
  const evictions: { job: string; atMs: number }[] = [];
  const jobs = [{ job: "j1", requester: "anna" }];
  const settings = {
    terms: () => terms,
    command: () => command,
    evictedSince: (atMs: number) => evictions.filter((each) => each.atMs > atMs),
  };
  const wallClock = (ms: number) => {
    const date = new Date(ms);
    return { weekday: date.getUTCDay(), minute: date.getUTCHours() * 60 + date.getUTCMinutes() };
  };
  const machine = {
    look: async (what: MetricsRequest) => {
      asked.push(what);
      return hostMetrics;
    },
  };
  const size = { cores: 8, memoryBytes: 2 ** 34 };
  const policy = new AvailabilityPolicy({ settings, machine, clock, wallClock }, { flags: readTerms(flags), size, gpus });
  const donor = {
    jobs,
    notifyAvailability: () => void said.push(`tell ${policy.availability().state}`),
    evict: async (job: string) => {
      said.push(`evict ${job}`);
      return true;
    },
    dismiss: async (reason: string) => {
      said.push(`dismiss: ${reason}`);
      jobs.length = 0;
    },
  };
  const slots = {
    pause: () => void said.push("pause"),
    resume: () => void said.push("resume"),
    resize: (count: number) => void said.push(`resize ${count}`),
    renew: () => void said.push("renew"),
    busy: 1,
  };
  const store = { resize: async (bytes: number) => void said.push(`disk ${bytes}`) };
  const freezer = new Freezer();
  const sandbox = {
    resize: async ({ threads }: SlotSize) => void said.push(`${threads} threads each`),
  };
  const control = new PolicyEnforcer({
    policy,
    settings: settings as never,
    donor,
    slots,
    store,
    freezer,
    sandbox,
    devices: {
      follow: ({ gpus: given }, { threads }) => void followed.push(`${String(given)}, ${threads} threads`),
      prepare: async () => {
        followed.push("tried");
        return false;
      },
    },
    clock,
    log: silentLog,
    observe: (event) => void events.push(event),
    turned: async () => {},
  });
  /** Advances time step by step, and returns what was done. */
  const pass = async (ms: number) => {
    said.length = 0;
    for (const end = nowMs + ms; nowMs < end; ) {
      nowMs = Math.min(end, nowMs + 30_000);
      await control.turn();
    }
    return [...said];
  };
  return {
    pass,
    policy,
    freezer,
    events,
    asked,
    followed,
    see: (change: Partial<HostMetrics>) => (hostMetrics = { ...hostMetrics, ...change }),
    commandFor: (next: OwnerCommand | undefined) => (command = next),
    set: (texts: Record<string, string>) => {
      const stated = Object.entries(readTerms(texts)).map(([name, each]) => [name as TermName, { stated: each, atMs: nowMs }]);
      terms = { ...terms, ...Object.fromEntries(stated) };
    },
    evict: (job: string) => void evictions.push({ job, atMs: nowMs }),
  };
}

const MINUTE = 60_000;

describe("a donor under its owner's terms", () => {
  it("closes when its hours end, lets running chunks finish within the overtime, and opens again with the next hours", async () => {
    const donor = controlled({ schedule: "08:00-13:00", overtime: "10m" });
    expect(await donor.pass(59 * MINUTE)).toEqual([]);
    expect(donor.policy.secondsLeft()).toBe(60 + 600);
    expect(await donor.pass(MINUTE)).toEqual(["pause", "tell closed"]);
    expect(donor.freezer.isFrozen).toBe(false);
    expect(await donor.pass(10 * MINUTE)).toEqual([]);
    expect(await donor.pass(MINUTE)).toEqual([expect.stringContaining("dismiss: it donates only 08:00-13:00")]);
    expect(await donor.pass(19 * 60 * MINUTE)).toEqual(["resume", "tell open"]);
  });

  it("pauses as soon as there is user input, and resumes after the idle time", async () => {
    const donor = controlled({ idle: "5m" });
    expect(await donor.pass(MINUTE)).toEqual([]);
    expect(donor.asked.at(-1)).toMatchObject({ untouched: true, battery: false });
    donor.see({ idleMs: 0 });
    expect(await donor.pass(30_000)).toEqual(["pause", "tell paused"]);
    expect(donor.freezer.isFrozen).toBe(true);
    donor.see({ idleMs: 4 * MINUTE });
    expect(await donor.pass(MINUTE)).toEqual([]);
    donor.see({ idleMs: 5 * MINUTE });
    expect(await donor.pass(30_000)).toEqual(["resume", "tell open"]);
    expect(donor.freezer.isFrozen).toBe(false);
    expect(donor.events).toMatchObject([
      { event: "availability", state: "paused", code: "in-use" },
      { event: "availability", state: "open" },
    ]);
  });

  it("ends paused work after a while, to free its memory", async () => {
    const donor = controlled({ battery: "no" });
    donor.see({ onBattery: true });
    expect(await donor.pass(15 * MINUTE)).toEqual(["pause", "tell paused"]);
    expect(await donor.pass(MINUTE)).toEqual(["dismiss: it runs on battery"]);
  });

  it("obeys the owner's commands: pause now, pause after the chunk, resume", async () => {
    const donor = controlled({});
    donor.commandFor("freeze");
    expect(await donor.pass(200)).toEqual(["pause", "tell paused"]);
    donor.commandFor("finish");
    expect(await donor.pass(200)).toEqual(["pause", "tell closed"]);
    expect(donor.freezer.isFrozen).toBe(false);
    expect(await donor.pass(60 * MINUTE)).toEqual([]); // the owner set no end to it
    donor.commandFor(undefined);
    expect(await donor.pass(200)).toEqual(["resume", "tell open"]);
  });

  it("takes new terms while it works; only a new thread count restarts its Blenders", async () => {
    const donor = controlled({ cores: "4" });
    donor.set({ slots: "2", disk: "1k" });
    expect(await donor.pass(200)).toEqual(["resize 2", "renew", "2 threads each", "disk 1024"]);
    donor.set({ upload: "1m" });
    expect(await donor.pass(200)).toEqual(["resize 2", "2 threads each", "disk 1024"]);
    expect(donor.policy.slotSize().threads).toBe(2);
    expect(donor.events.at(-1)).toMatchObject({ event: "terms", terms: { cores: "4", slots: "2", upload: "1m" } });
    donor.set({ schedule: "03:00-04:00" });
    expect(await donor.pass(200)).toContain("tell closed");
  });

  it("has as many slots as fit on the donated GPUs, unless the owner sets the number", async () => {
    const cards = [card(0), card(1)];
    expect(controlled({}, cards).policy.slots()).toBe(1);
    expect(controlled({ gpus: "all", slots: "3" }, cards).policy.slots()).toBe(3);
    expect(() => controlled({ gpus: "4" }, cards)).toThrowError(expect.objectContaining({ code: "USAGE" }));
    const donor = controlled({ cores: "4" }, cards);
    donor.set({ gpus: "all" });
    expect(await donor.pass(200)).toEqual(["resize 2", "renew", "2 threads each", `disk ${20 * 2 ** 30}`]);
    expect(donor.followed).toEqual(["all, 2 threads", "tried"]);
    expect(donor.policy.slotSize().threads).toBe(2);
    expect(donor.events.at(-1)).toMatchObject({ event: "terms", terms: { cores: "4", gpus: "all" }, slots: 2, threads: 2 });
  });

  it("reads only the sensors that its terms need", async () => {
    const donor = controlled({ yield: "game", battery: "no" });
    await donor.pass(MINUTE);
    const last = donor.asked.at(-1);
    expect(last).toMatchObject({ untouched: false, battery: true });
    expect(last?.programs?.("GAME.exe")).toBe(true);
    expect(last?.programs?.("bash")).toBe(false);
  });

  it("evicts a job once, when the owner commands it", async () => {
    const donor = controlled({});
    await donor.pass(200);
    donor.evict("j1");
    await donor.pass(200);
    donor.evict("j2");
    expect(await donor.pass(400)).toEqual(["evict j2"]);
  });
});

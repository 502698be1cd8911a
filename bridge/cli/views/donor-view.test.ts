import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { DonorStatus } from "../../app/donate/donor-status.ts";
import { drawStatus, logLine } from "./donor-picture.ts";
import { type DonorKeys, handleKey } from "./donor-view.ts";

const given = { chunks: 12, frames: 2.5, seconds: 5_400 };
const status: DonorStatus = {
  pid: 1,
  atMs: 0,
  peerId: "12D3",
  name: "anna",
  availability: { state: "open" },
  terms: {},
  slots: 3,
  busySlots: 2,
  threads: 3,
  diskUsedBytes: 5_000_000,
  jobs: [
    { job: "j-one", requester: "12D3KooWAbc" },
    { job: "j-two", requester: "12D3KooWDef" },
  ],
  asked: [],
  working: [{ job: "j-one", lease: "4", what: "frame 7, 64x64 at 0,64", sinceMs: 1_000 }],
  pictures: [],
  totals: { day: "2026-11-23", today: given, ever: { ...given, chunks: 900, frames: 88, joules: 7.2e6 } },
  backends: ["OptiX"],
  gpus: [{ name: "NVIDIA H100", memoryBytes: 80 * 2 ** 30, memoryUsedBytes: 12 * 2 ** 30, load: 0.97, celsius: 61, watts: 412.4 }],
  speed: 312e6,
  machine: { celsius: 61.4, watts: 95.2, othersLoad: 0.07, onBattery: true },
};
const draw = (change: Partial<DonorStatus> = {}, columns = 100) =>
  stripVTControlCharacters(drawStatus({ ...status, ...change }, { nowMs: 6_000, columns }));

describe("the donor's view", () => {
  it("shows what each slot does, the jobs with their keys, donated work and the state of the machine", () => {
    expect(draw().split("\n")).toEqual([
      "● gives  anna  3 slots of 3 threads · OptiX · 312 M/s",
      "  ▸ frame 7, 64x64 at 0,64    5s  job j-one",
      "  · 1 slot opens its scene",
      "  · 1 slot is free",
      "  gpu     NVIDIA H100 (12 GiB of 80 GiB, 97 %, 61 °C, 412 W)",
      "  job 1   j-one from 12D3KooWAbc",
      "  job 2   j-two from 12D3KooWDef",
      "  today   2.5 frames    12 chunks   1.5 h",
      "  ever     88 frames   900 chunks   1.5 h   2.0 kWh at most",
      "  machine 61 °C · 95 W · others use 7 % · on battery · 5 MB of disk in use",
    ]);
  });

  it("asks about the newest requested environment", () => {
    const ask = (digest: string) => ({ digest: digest.repeat(64), job: `j-${digest}`, requester: "12D3", atMs: 1 });
    expect(draw({ asked: [ask("a")] })).toContain(`asked   ${"a".repeat(64)} by j-a`);
    expect(draw({ asked: [ask("a"), ask("b")] })).toContain(`${"b".repeat(64)} by j-b (and 1 more)`);
  });

  it("says why GPUs are not used", () =>
    expect(draw({ gpus: [], gpuNote: "Blender does not see it" })).toContain("note    Blender does not see it"));

  it("says why it does not work", () =>
    expect(draw({ availability: { state: "paused", code: "in-use", reason: "somebody is using it" } })).toContain(
      "paused: somebody is using it",
    ));

  it("keeps a long name from breaking the layout", () => {
    const long = draw({ name: "n".repeat(64), jobs: [{ job: "j".repeat(64), requester: "r".repeat(500) }] }, 60);
    expect(Math.max(...long.split("\n").map((line) => line.length))).toBeLessThanOrEqual(60);
  });
});

describe("a key", () => {
  function pressed(key: string, change: Partial<DonorStatus> = {}): string | undefined {
    let did: string | undefined;
    const keys: DonorKeys = {
      pause: async (isPaused) => void (did = isPaused ? "resume" : "pause"),
      finish: async () => void (did = "finish"),
      evict: async (job) => void (did = `evict ${job}`),
      allow: async (digest) => void (did = `allow ${digest}`),
    };
    void handleKey(key, { ...status, ...change }, keys);
    return did;
  }
  const byOwner = { state: "paused", code: "owner", reason: "" } as const;
  const byUse = { state: "paused", code: "in-use", reason: "" } as const;
  it.each<[string, Partial<DonorStatus>, string | undefined]>([
    ["p", {}, "pause"],
    ["p", { availability: byOwner }, "resume"],
    ["p", { availability: byUse }, "pause"],
    ["f", {}, "finish"],
    ["1", {}, "evict j-one"],
    ["2", {}, "evict j-two"],
    ["3", {}, undefined],
    ["a", {}, undefined],
    ["a", { asked: [{ digest: "abc", job: "j", requester: "r", atMs: 1 }] }, "allow abc"],
    ["x", {}, undefined],
  ])("%j with %j does %j", (key, change, did) => expect(pressed(key, change)).toBe(did));
});

it("log lines say which of the owner's terms acted, and on which job", () => {
  const line = (event: Parameters<typeof logLine>[0]) => stripVTControlCharacters(logLine(event) ?? "");
  expect(line({ event: "availability", state: "closed", code: "schedule", reason: "it donates only 22:00-07:00" })).toBe(
    "closed it donates only 22:00-07:00",
  );
  expect(line({ event: "terms", terms: { cores: "50%", idle: "5m" }, slots: 1, threads: 2 })).toBe("terms cores=50%  idle=5m");
  expect(line({ event: "job-refused", job: "j", requester: "r", reason: "no room" })).toBe("refused job j: no room");
  const asked = { event: "environment-asked", digest: "abc", job: "j", requester: "r", term: "environments=ask,xyz,abc" } as const;
  expect(line(asked)).toContain("bridge donate set environments=ask,xyz,abc");
});

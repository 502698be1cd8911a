import { describe, expect, it } from "vitest";
import { type Availability, OPEN } from "./availability.ts";
import { decideAvailability, type MachineMetrics } from "./decide.ts";
import { parseTerms, type TermTexts } from "./parse-terms.ts";

const calm: MachineMetrics = {
  wall: { weekday: 3, minute: 12 * 60 },
  idleMs: 3_600_000,
  othersLoad: 0.02,
  onBattery: false,
  programs: ["bash", "firefox"],
  celsius: 50,
  watts: 60,
  command: undefined,
};
const demanding: TermTexts = {
  schedule: "wed 08:00-18:00",
  idle: "5m",
  battery: "no",
  yield: "blender,Game.exe",
  temperature: "85",
  watts: "200",
};

function availability(seen: Partial<MachineMetrics>, texts: TermTexts = demanding, before: Availability = OPEN): string {
  const stands = decideAvailability(parseTerms(texts), { ...calm, ...seen }, before);
  return stands.state === "open" ? "open" : `${stands.state} ${stands.code}`;
}

describe("decide", () => {
  it.each<[string, Partial<MachineMetrics>, string]>([
    ["nothing is amiss", {}, "open"],
    ["the owner paused", { command: "freeze" }, "paused owner"],
    ["the owner lets things end", { command: "finish" }, "closed owner"],
    ["somebody came back", { idleMs: 10_000 }, "paused in-use"],
    ["exactly the asked time has passed", { idleMs: 300_000 }, "open"],
    ["others work hard", { othersLoad: 0.6 }, "paused load"],
    ["the plug is pulled", { onBattery: true }, "paused battery"],
    ["a named program runs", { programs: ["bash", "blender"] }, "paused yield"],
    ["a named program runs under another spelling", { programs: ["GAME.EXE"] }, "paused yield"],
    ["it is hot", { celsius: 86 }, "paused hot"],
    ["it draws much", { watts: 201 }, "paused watts"],
    ["the hours are over", { wall: { weekday: 3, minute: 18 * 60 } }, "closed schedule"],
    ["the hours are over and somebody is using it", { wall: { weekday: 4, minute: 0 }, idleMs: 0 }, "paused in-use"],
    ["the owner's word goes before the heat", { command: "freeze", celsius: 99 }, "paused owner"],
  ])("when %s", (_, seen, state) => expect(availability(seen)).toBe(state));

  it.each<[string, Partial<MachineMetrics>]>([
    ["who uses it", { idleMs: undefined }],
    ["the battery", { onBattery: undefined }],
    ["the programs", { programs: undefined }],
    ["the heat", { celsius: undefined }],
    ["the watts", { watts: undefined }],
  ])("is closed when the owner asked for what cannot be known: %s", (_, seen) => expect(availability(seen)).toBe("closed unknown"));

  it("restricts nothing that the owner's terms do not", () =>
    expect(availability({ idleMs: 0, othersLoad: 1, onBattery: true, celsius: 100, watts: undefined }, {})).toBe("open"));

  it("does not oscillate around a limit: the value must pass it by a margin", () => {
    const paused = (code: string): Availability => ({ state: "paused", code, reason: "" });
    expect(availability({ celsius: 83 }, demanding, paused("hot"))).toBe("paused hot");
    expect(availability({ celsius: 80 }, demanding, paused("hot"))).toBe("open");
    expect(availability({ othersLoad: 0.45 }, demanding, paused("load"))).toBe("paused load");
    expect(availability({ othersLoad: 0.39 }, demanding, paused("load"))).toBe("open");
    expect(availability({ watts: 190 }, demanding, paused("watts"))).toBe("paused watts");
    expect(availability({ watts: 180 }, demanding, paused("watts"))).toBe("open");
  });

  it("matches a program by the fifteen characters that Linux keeps of its name", () => {
    expect(availability({ programs: ["gnome-system-mo"] }, { yield: "gnome-system-monitor" })).toBe("paused yield");
    expect(availability({ programs: ["gnome"] }, { yield: "gnome-system-monitor" })).toBe("open");
  });

  it("gives the requester a readable reason", () => {
    const stands = decideAvailability(parseTerms({ schedule: "mon-fri 22:00-07:00" }), calm, OPEN);
    expect(stands).toMatchObject({ reason: "it donates only mon,tue,wed,thu,fri 22:00-07:00 of its local time" });
  });
});

import { describe, expect, it } from "vitest";
import { parseTermAssignment, parseTerms, type TermTexts } from "./parse-terms.ts";
import { requesterTierOf, coresGiven, DEFAULT_TERMS, isAdmitted, slotSize, type Terms } from "./terms.ts";

describe("parseTerms", () => {
  it.each<[TermTexts, Partial<Terms>]>([
    [{ cores: "6" }, { cores: { kind: "count", cores: 6 } }],
    [{ cores: "2 each" }, { cores: { kind: "each", cores: 2 } }],
    [{ cores: "50%" }, { cores: { kind: "share", share: 0.5 } }],
    [
      { memory: "16g", disk: "500m" },
      { memoryBytes: 16 * 2 ** 30, diskBytes: 500 * 2 ** 20 },
    ],
    [{ gpus: "0,1" }, { gpus: ["0", "1"] }],
    [{ gpus: "all" }, { gpus: "all" }],
    [{ slots: "3" }, { slots: 3 }],
    [
      { upload: "2m", download: "20mbit/s" },
      { uploadBytesPerSecond: 2 * 2 ** 20, downloadBytesPerSecond: 2_500_000 },
    ],
    [{ upload: "unlimited" }, { uploadBytesPerSecond: undefined }],
    [{ schedule: "mon 1:00-2:00" }, { schedule: [{ days: [1], fromMinute: 60, toMinute: 120 }] }],
    [{ idle: "5m" }, { idleMs: 300_000, maxOthersLoad: 0.5 }],
    [
      { idle: "5m", load: "20%" },
      { idleMs: 300_000, maxOthersLoad: 0.2 },
    ],
    [{ overtime: "1h30m" }, { overtimeMs: 5_400_000 }],
    [{ battery: "no" }, { notOnBattery: true }],
    [{ yield: "blender, game.exe" }, { yieldTo: ["blender", "game.exe"] }],
    [
      { temperature: "85", watts: "200" },
      { maxCelsius: 85, maxWatts: 200 },
    ],
    [
      { who: "friends", friends: "a b", own: "c", allow: "none" },
      { who: "friends", friends: ["a", "b"], own: ["c"], allow: [] },
    ],
  ])("reads %j", (texts, said) => expect(parseTerms(texts)).toEqual({ ...DEFAULT_TERMS, ...said }));

  it.each<[TermTexts, string]>([
    [{ cores: "0" }, "cores"],
    [{ cores: "0%" }, "cores"],
    [{ cores: "half" }, "cores"],
    [{ cores: "101%" }, "percentage"],
    [{ slots: "300" }, "slots"],
    [{ upload: "1k" }, "128k per second"],
    [{ idle: "soon" }, "duration"],
    [{ idle: "8d" }, "idle"],
    [{ battery: "maybe" }, "battery"],
    [{ who: "me" }, "who"],
    [{ temperature: "200" }, "temperature"],
    [{ yield: "x".repeat(300) }, "list is too long"],
    [{ disk: "much" }, "size"],
  ])("refuses %j, naming what is wrong", (texts, named) =>
    expect(() => parseTerms(texts)).toThrowError(expect.objectContaining({ code: "USAGE", message: expect.stringContaining(named) })),
  );

  it("refuses a term that does not exist", () =>
    expect(() => parseTerms({ colour: "blue" } as TermTexts)).toThrowError(expect.objectContaining({ code: "USAGE" })));
});

describe("parseAssignment", () => {
  it("splits at the first =, and normalises the name", () =>
    expect(parseTermAssignment("Schedule= mon 1:00-2:00")).toEqual({ name: "schedule", text: "mon 1:00-2:00" }));
  it.each(["cores", "=5", "colour=blue", ""])("refuses %j", (text) =>
    expect(() => parseTermAssignment(text)).toThrowError(expect.objectContaining({ code: "USAGE" })),
  );
});

describe("what a slot gets", () => {
  const machine = { cores: 8, memoryBytes: 32 * 2 ** 30 };
  it.each<[TermTexts, number]>([
    [{}, 7],
    [{ cores: "8" }, 8],
    [{ cores: "50%" }, 4],
    [{ cores: "50%", slots: "2" }, 2],
    [{ cores: "1%" }, 1],
    [{ slots: "20" }, 1],
    [{ cores: "3 each", slots: "4" }, 3],
  ])("of %j are %i threads on eight cores", (texts, threads) => expect(slotSize(parseTerms(texts), machine).threads).toBe(threads));

  it("leaves one core free by default, and always uses at least one", () => {
    expect(coresGiven({ cores: undefined, slots: 1 }, { cores: 1 })).toBe(1);
    expect(coresGiven({ cores: undefined, slots: 1 }, { cores: 2 })).toBe(1);
  });

  it("is an equal share of the memory, with some left for the owner", () => {
    expect(slotSize(parseTerms({ memory: "16g", slots: "2" }), machine).memoryBytes).toBe(8 * 2 ** 30);
    expect(slotSize(parseTerms({}), machine).memoryBytes).toBe(Math.floor(machine.memoryBytes * 0.9));
    expect(slotSize(parseTerms({ memory: "900g" }), machine).memoryBytes).toBe(machine.memoryBytes);
  });
});

describe("requester tiers", () => {
  it.each<[TermTexts, string, boolean]>([
    [{}, "anna", true],
    [{ deny: "anna" }, "anna", false],
    [{ deny: "anna", own: "anna" }, "anna", false],
    [{ allow: "ben" }, "anna", false],
    [{ allow: "ben", own: "anna" }, "anna", true],
    [{ who: "friends" }, "anna", false],
    [{ who: "friends", friends: "anna" }, "anna", true],
    [{ who: "own", friends: "anna" }, "anna", false],
    [{ who: "own", own: "anna" }, "anna", true],
    [{ who: "own", allow: "anna" }, "anna", true],
  ])("under %j: %s %s", (texts, peer, welcome) => expect(isAdmitted(peer, parseTerms(texts))).toBe(welcome));

  it("the owner's machines come first, friends next", () => {
    const terms = parseTerms({ own: "a", friends: "a,b" });
    expect(["a", "b", "c"].map((peer) => requesterTierOf(peer, terms))).toEqual(["own", "friend", "stranger"]);
  });
});

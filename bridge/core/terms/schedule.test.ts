import { describe, expect, it } from "vitest";
import { isWithin, nextChange, parseSchedule, scheduleText, type WallClock } from "./schedule.ts";

/** The wall clock of a time zone, whatever the machine's own zone. */
function clockOf(timeZone: string): WallClock {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  return (nowMs) => {
    const parts = Object.fromEntries(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
    return { weekday: days.indexOf(String(parts["weekday"])), minute: Number(parts["hour"]) * 60 + Number(parts["minute"]) };
  };
}

const utc = clockOf("UTC");
const berlin = clockOf("Europe/Berlin");
const at = (text: string) => Date.parse(text);

describe("parseSchedule", () => {
  it.each([
    ["mon-fri 22:00-07:00", "mon,tue,wed,thu,fri 22:00-07:00"],
    ["Sat, Sun 00:00-24:00", "sun,sat 00:00-24:00"],
    ["fri-mon 9:30-10:00", "sun,mon,fri,sat 09:30-10:00"],
    ["22:00-07:00", "22:00-07:00"],
    ["daily 1:00-2:00", "01:00-02:00"],
    ["weekdays 22:00 - 7:00; weekends 00:00-24:00", "mon,tue,wed,thu,fri 22:00-07:00; sun,sat 00:00-24:00"],
    ["mon 1:00-2:00, tue 3:00-4:00", "mon 01:00-02:00; tue 03:00-04:00"],
    ["monday-wednesday 1:00-2:00", "mon,tue,wed 01:00-02:00"],
    ["always", "always"],
    ["", "always"],
  ])("reads %j", (text, written) => {
    expect(scheduleText(parseSchedule(text))).toBe(written);
    expect(parseSchedule(written)).toEqual(parseSchedule(text));
  });

  it.each([
    "mon-fri",
    "mon 25:00-26:00",
    "mon 10:60-11:00",
    "xyz 10:00-11:00",
    "mon 10:00",
    "mon-tue-wed 1:00-2:00",
    "24:00-01:00",
    "mondo 1:00-2:00",
  ])("refuses %j with words", (text) =>
    expect(() => parseSchedule(text)).toThrowError(expect.objectContaining({ code: "USAGE", message: expect.stringContaining(text) })),
  );

  it("refuses a schedule that is too long", () =>
    expect(() => parseSchedule("mon 1:00-2:00; ".repeat(100))).toThrowError(expect.objectContaining({ code: "USAGE" })));
});

describe("isWithin", () => {
  const wall = (weekday: number, hour: number, minute = 0) => ({ weekday, minute: hour * 60 + minute });
  it.each([
    ["mon-fri 22:00-07:00", wall(1, 22), true],
    ["mon-fri 22:00-07:00", wall(1, 21, 59), false],
    ["mon-fri 22:00-07:00", wall(2, 6, 59), true],
    ["mon-fri 22:00-07:00", wall(2, 7), false],
    // Friday's window runs into Saturday; Sunday's does not exist.
    ["mon-fri 22:00-07:00", wall(6, 3), true],
    ["mon-fri 22:00-07:00", wall(6, 22), false],
    ["mon-fri 22:00-07:00", wall(1, 3), false],
    // Over the end of the week.
    ["sat 23:00-01:00", wall(0, 0, 30), true],
    ["sat 23:00-01:00", wall(0, 1), false],
    ["sun 00:00-24:00", wall(0, 23, 59), true],
    ["sun 00:00-24:00", wall(1, 0), false],
    // The same time twice: a whole day.
    ["mon 08:00-08:00", wall(2, 7, 59), true],
    ["mon 08:00-08:00", wall(2, 8), false],
    ["", wall(3, 3), true],
  ])("%j on %j is %s", (text, when, within) => expect(isWithin(parseSchedule(text), when)).toBe(within));
});

describe("nextChange", () => {
  it.each([
    ["mon-fri 22:00-07:00", "2026-11-23T12:00:30Z", "2026-11-23T22:00:00Z"],
    ["mon-fri 22:00-07:00", "2026-11-23T22:00:00Z", "2026-11-24T07:00:00Z"],
    ["mon-fri 22:00-07:00", "2026-11-28T07:00:00Z", "2026-11-30T22:00:00Z"],
    ["sat 23:00-01:00", "2026-11-28T23:30:00Z", "2026-11-29T01:00:00Z"],
    ["mon 10:00-11:00", "2026-11-23T11:00:00Z", "2026-11-30T10:00:00Z"],
    // Two windows that touch are one.
    ["mon 10:00-11:00; mon 11:00-12:00", "2026-11-23T10:30:00Z", "2026-11-23T12:00:00Z"],
  ])("of %j after %s is %s", (text, now, change) => expect(nextChange(parseSchedule(text), utc, at(now))).toBe(at(change)));

  it("does not exist for a schedule that is always open, however it is written", () => {
    expect(nextChange([], utc, 0)).toBeUndefined();
    expect(nextChange(parseSchedule("00:00-24:00"), utc, at("2026-11-23T12:00:00Z"))).toBeUndefined();
  });

  it("follows the wall clock when daylight saving begins: 22:00 to 07:00 lasts eight hours that night", () => {
    const night = parseSchedule("22:00-07:00");
    expect(nextChange(night, berlin, at("2026-03-28T21:00:00Z"))).toBe(at("2026-03-29T05:00:00Z")); // 22:00 CET to 07:00 CEST
  });

  it("follows the wall clock when daylight saving ends: 22:00 to 07:00 lasts ten hours that night", () => {
    const night = parseSchedule("22:00-07:00");
    expect(nextChange(night, berlin, at("2026-10-24T20:00:00Z"))).toBe(at("2026-10-25T06:00:00Z")); // 22:00 CEST to 07:00 CET
  });

  it("opens a window whose start time is skipped at the first minute after the gap", () => {
    expect(nextChange(parseSchedule("sun 02:30-04:00"), berlin, at("2026-03-29T00:00:00Z"))).toBe(at("2026-03-29T01:00:00Z")); // 03:00 CEST
  });

  it("finds the next week when the clock skips the whole window", () => {
    // 02:00 to 03:00 does not exist on that Sunday: the next is a week later.
    expect(nextChange(parseSchedule("sun 02:00-03:00"), berlin, at("2026-03-28T12:00:00Z"))).toBe(at("2026-04-05T00:00:00Z"));
  });

  it("agrees with isWithin for every hour of the weeks around both changes of the clock", () => {
    const schedule = parseSchedule("mon-fri 22:00-07:00; sat,sun 01:30-02:30");
    for (const start of [at("2026-03-25T00:00:00Z"), at("2026-10-21T00:00:00Z")]) {
      for (let hour = 0; hour < 24 * 8; hour += 5) {
        const now = start + hour * 3_600_000;
        const change = nextChange(schedule, berlin, now) ?? Number.NaN;
        const open = isWithin(schedule, berlin(now));
        expect(isWithin(schedule, berlin(change))).toBe(!open);
        expect(isWithin(schedule, berlin(change - 1))).toBe(open);
      }
    }
  });
});

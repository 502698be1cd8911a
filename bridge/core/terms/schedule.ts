import { FarmError } from "../../kernel/errors.ts";

/** Local time: the day of the week (0 is Sunday) and the minute of the day. */
export interface WallTime {
  readonly weekday: number;
  readonly minute: number;
}

/** This machine's local time at a moment (milliseconds since 1970). */
export type WallClock = (nowMs: number) => WallTime;

/** A period of local time on some days of the week; one that ends at or before its start runs past midnight. */
export interface ScheduleWindow {
  /** Days on which it begins; 0 is Sunday. */
  readonly days: readonly number[];
  readonly fromMinute: number;
  /** The first minute that is no longer in it; up to 1440, which is midnight. */
  readonly toMinute: number;
}

/** When the owner donates; no windows: always. */
export type WeeklySchedule = readonly ScheduleWindow[];

export const SCHEDULE_LIMITS = { maxWindows: 64, maxChars: 2_000 } as const;

const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const MINUTE_MS = 60_000;
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6] as const;
const NAMED_DAYS: Readonly<Record<string, readonly number[]>> = {
  "": EVERY_DAY,
  daily: EVERY_DAY,
  weekdays: [1, 2, 3, 4, 5],
  weekends: [0, 6],
};

/** One window at the front of the text: days, then two times. */
const WINDOW = /^([a-z,\s-]*?)\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*(?:[,;]\s*|$)/;

/** Reads "mon-fri 22:00-07:00; sat,sun 00:00-24:00"; "always" (or nothing) has no windows. Throws USAGE. */
export function parseSchedule(text: string): WeeklySchedule {
  let rest = text.trim().toLowerCase();
  if (rest === "always" || rest === "") return [];
  if (rest.length > SCHEDULE_LIMITS.maxChars) throw misread(`${text.slice(0, 40)}…`, "it is too long");
  const windows: ScheduleWindow[] = [];
  while (rest !== "") {
    const match = WINDOW.exec(rest);
    if (!match) throw misread(text, `"${rest}" is not days and two times`);
    const [whole, days = "", fromHour, fromMinute, toHour, toMinute] = match;
    windows.push({
      days: parseDays(days.trim(), text),
      fromMinute: minuteOf(text, { hour: Number(fromHour), minute: Number(fromMinute), last: DAY_MINUTES - 1 }),
      toMinute: minuteOf(text, { hour: Number(toHour), minute: Number(toMinute), last: DAY_MINUTES }),
    });
    if (windows.length > SCHEDULE_LIMITS.maxWindows) throw misread(`${text.slice(0, 40)}…`, "it has too many windows");
    rest = rest.slice(whole.length);
  }
  return windows;
}

function parseDays(days: string, text: string): readonly number[] {
  const named = NAMED_DAYS[days];
  if (named) return named;
  const set = new Set<number>();
  for (const part of days.split(/[,\s]+/)) {
    const [first = "", last = first, more] = part.split("-");
    const from = dayOf(first);
    const to = dayOf(last);
    if (from === undefined || to === undefined || more !== undefined) throw misread(text, `"${part}" is no day`);
    for (let day = from; ; day = (day + 1) % 7) {
      set.add(day);
      if (day === to) break;
    }
  }
  return [...set].toSorted((a, b) => a - b);
}

/** The day that a name of at least three letters begins. */
function dayOf(name: string): number | undefined {
  const full = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
  const day = DAYS.findIndex((short) => name.startsWith(short));
  return day >= 0 && full[day]?.startsWith(name) ? day : undefined;
}

function minuteOf(text: string, { hour, minute, last }: { readonly hour: number; readonly minute: number; readonly last: number }): number {
  const minutes = hour * 60 + minute;
  if (minute > 59 || minutes > last) throw misread(text, `there is no time ${hour}:${String(minute).padStart(2, "0")}`);
  return minutes;
}

function misread(text: string, why: string): FarmError {
  return new FarmError("USAGE", `the schedule "${text}" cannot be read: ${why}`, {
    advice: 'Write it such as "mon-fri 22:00-07:00; sat,sun 00:00-24:00", or "always".',
  });
}

/** True while the local time is in one of the windows. */
export function isWithin(schedule: WeeklySchedule, { weekday, minute }: WallTime): boolean {
  if (schedule.length === 0) return true;
  const now = weekday * DAY_MINUTES + minute;
  return schedule.some((window) =>
    window.days.some((day) => {
      const from = day * DAY_MINUTES + window.fromMinute;
      const length =
        window.toMinute > window.fromMinute ? window.toMinute - window.fromMinute : DAY_MINUTES - window.fromMinute + window.toMinute;
      return (now - from + WEEK_MINUTES) % WEEK_MINUTES < length;
    }),
  );
}

/**
 * When the schedule next opens or closes, in milliseconds since 1970; undefined when it never does. The wall
 * clock is evaluated minute by minute, so that changes to summer time are respected.
 */
export function nextChange(schedule: WeeklySchedule, wallClock: WallClock, nowMs: number): number | undefined {
  if (schedule.length === 0) return undefined;
  const open = isWithin(schedule, wallClock(nowMs));
  const first = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  // A day more than a week: the hour skipped by summer time may hold the only change.
  for (let step = 0; step <= WEEK_MINUTES + DAY_MINUTES; step++) {
    const atMs = first + step * MINUTE_MS;
    if (isWithin(schedule, wallClock(atMs)) !== open) return atMs;
  }
  return undefined;
}

/** "mon-fri 22:00-07:00", as `parseSchedule` reads it. */
export function scheduleText(schedule: WeeklySchedule): string {
  if (schedule.length === 0) return "always";
  return schedule.map(({ days, fromMinute, toMinute }) => `${daysText(days)}${timeText(fromMinute)}-${timeText(toMinute)}`).join("; ");
}

function daysText(days: readonly number[]): string {
  return days.length === 7 ? "" : `${days.map((day) => DAYS[day]).join(",")} `;
}

function timeText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

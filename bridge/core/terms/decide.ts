import { type Availability, type UnavailableReason, OPEN } from "./availability.ts";
import { isWithin, scheduleText, type WallTime } from "./schedule.ts";
import type { Terms } from "./terms.ts";

/** Metrics of the machine at a moment; undefined: not available on this machine. */
export interface MachineMetrics {
  readonly wall: WallTime;
  /** Time since the last input on keyboard, mouse or terminal. */
  readonly idleMs: number | undefined;
  /** Share of all cores that other programs use, 0 to 1. */
  readonly othersLoad: number | undefined;
  readonly onBattery: boolean | undefined;
  /** Names of running programs, as far as the terms need them. */
  readonly programs: readonly string[] | undefined;
  readonly celsius: number | undefined;
  readonly watts: number | undefined;
  /** The owner's command; undefined: none. */
  readonly command: OwnerCommand | undefined;
}

/** `freeze`: pause at once, keep the work. `finish`: accept nothing new. */
export type OwnerCommand = "freeze" | "finish";

/** After a limit was passed the value must be below it by this margin before work resumes, against oscillation. */
const RETURN = { celsius: 5, wattsShare: 0.9, loadShare: 0.8 } as const;

/** The availability by the terms and the metrics; `before` is the previous one. */
export function decideAvailability(terms: Terms, seen: MachineMetrics, before: Availability): Availability {
  const stopped = before.state === "paused" ? before.code : undefined;
  const paused = byCommand(seen, "freeze") ?? whenInUse(terms, seen, stopped) ?? whenStrained(terms, seen, stopped);
  if (paused) return { state: "paused", ...paused };
  const closed = byCommand(seen, "finish") ?? unknown(terms, seen) ?? outside(terms, seen);
  return closed ? { state: "closed", ...closed } : OPEN;
}

function byCommand({ command }: MachineMetrics, kind: OwnerCommand): UnavailableReason | undefined {
  return command === kind ? { code: "owner", reason: "its owner has paused it" } : undefined;
}

/** The machine is in use. */
function whenInUse(terms: Terms, seen: MachineMetrics, stopped: string | undefined): UnavailableReason | undefined {
  const program = seen.programs?.find((running) => yieldsTo(terms, running));
  if (program !== undefined) return { code: "yield", reason: `its owner runs ${program}` };
  if (terms.idleMs !== undefined && seen.idleMs !== undefined && seen.idleMs < terms.idleMs)
    return { code: "in-use", reason: "somebody is using it" };
  if (terms.maxOthersLoad === undefined || seen.othersLoad === undefined) return undefined;
  const limit = terms.maxOthersLoad * (stopped === "load" ? RETURN.loadShare : 1);
  return seen.othersLoad > limit ? { code: "load", reason: `other programs use ${Math.round(seen.othersLoad * 100)} % of it` } : undefined;
}

/** Work would strain the machine or cost its owner. */
function whenStrained(terms: Terms, seen: MachineMetrics, stopped: string | undefined): UnavailableReason | undefined {
  if (terms.notOnBattery && seen.onBattery === true) return { code: "battery", reason: "it runs on battery" };
  const celsius = (terms.maxCelsius ?? Number.POSITIVE_INFINITY) - (stopped === "hot" ? RETURN.celsius : 0);
  if (isOver(seen.celsius, celsius)) return { code: "hot", reason: `it is ${Math.round(seen.celsius)} °C hot` };
  const watts = (terms.maxWatts ?? Number.POSITIVE_INFINITY) * (stopped === "watts" ? RETURN.wattsShare : 1);
  return isOver(seen.watts, watts) ? { code: "watts", reason: `it draws ${Math.round(seen.watts)} W` } : undefined;
}

function isOver(value: number | undefined, limit: number): value is number {
  return value !== undefined && value > limit;
}

/** A condition that cannot be observed counts as not met. */
function unknown(terms: Terms, seen: MachineMetrics): UnavailableReason | undefined {
  const blind: readonly (readonly [boolean, string])[] = [
    [terms.idleMs !== undefined && seen.idleMs === undefined, "whether somebody is using it"],
    [terms.notOnBattery && seen.onBattery === undefined, "whether it runs on battery"],
    [terms.yieldTo.length > 0 && seen.programs === undefined, "which programs run"],
    [terms.maxCelsius !== undefined && seen.celsius === undefined, "how hot it is"],
    [terms.maxWatts !== undefined && seen.watts === undefined, "how many watts it draws"],
  ];
  const [first] = blind.filter(([asked]) => asked);
  return first && { code: "unknown", reason: `it cannot detect ${first[1]}, which its owner's terms require` };
}

function outside(terms: Terms, seen: MachineMetrics): UnavailableReason | undefined {
  if (isWithin(terms.schedule, seen.wall)) return undefined;
  return { code: "schedule", reason: `it donates only ${scheduleText(terms.schedule)} of its local time` };
}

/** Whether the terms pause work while a program of this name runs. */
export function yieldsTo({ yieldTo }: Pick<Terms, "yieldTo">, program: string): boolean {
  return yieldTo.some((name) => sameProgram(name, program));
}

/** Ignores case and ".exe"; Linux truncates names to 15 characters. */
function sameProgram(wanted: string, running: string): boolean {
  const plain = (name: string) => name.toLowerCase().replace(/\.exe$/, "");
  const [a, b] = [plain(wanted), plain(running)];
  return a === b || (b.length === CUT_NAME_CHARS && a.startsWith(b));
}

const CUT_NAME_CHARS = 15;

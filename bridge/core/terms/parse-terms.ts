import { FarmError } from "../../kernel/errors.ts";
import { parseDuration, parseRate, parseShare, parseSize } from "../amounts.ts";
import { parseDigest } from "../environments/facts.ts";
import { ANY_ENVIRONMENT, ASK, isPeerId } from "../environments/may-run.ts";
import { parseSchedule } from "./schedule.ts";
import { TERMS_LIMITS } from "./terms-limits.ts";
import { type CoreShare, DEFAULT_TERMS, IDLE_OTHERS_LOAD, type Terms } from "./terms.ts";

/** Each term by the name that the owner writes, with its help and parser. */
export const TERM_NAMES = {
  cores: "CPU cores for all render slots together: 6 or 50%, or for each: 2 each (default: all but one)",
  memory: "memory for all render slots together: 16g",
  disk: "disk for scenes and results: 20g",
  gpus: "GPUs to render on: none, all, or some by number, UUID or PCI address: 0,1",
  slots: "chunks at the same time (default: 1; with GPUs as many as fit on them)",
  upload: "upload limit: 2m (bytes per second) or 20mbit; unlimited",
  download: "download limit: 2m or 20mbit; unlimited",
  schedule: "when to donate: mon-fri 22:00-07:00; sat,sun 00:00-24:00; always",
  overtime: "how long a chunk may continue after the schedule has closed: 5m",
  idle: "only after this much time without keyboard or mouse input: 5m; off",
  load: "only while other programs use less of the CPU than: 50%; off",
  battery: "work on battery: yes or no",
  yield: "pause while these programs run: blender,game.exe; none",
  temperature: "pause above this many degrees Celsius: 85; off",
  watts: "pause above this many watts: 200; off",
  who: "whose jobs are accepted: anyone, friends or own",
  own: "peer ids of your other machines, served first; none",
  friends: "peer ids served before strangers; none",
  allow: "accept only these peer ids; none means all",
  deny: "never accept these peer ids; none",
  environments: "allowed environments of others: digests, peer ids whose signatures are trusted, any, ask; none",
} as const satisfies Record<string, string>;
export type TermName = keyof typeof TERM_NAMES;

/** Terms as the owner wrote them, for storing, sending and showing. */
export type TermTexts = Readonly<Partial<Record<TermName, string>>>;

/** One term as its owner stated it: the text, for whoever shows it, and what it says. */
export interface ParsedTerm {
  readonly text: string;
  readonly says: Partial<Terms>;
}

/** All that an owner stated. It is read once, where it comes in: after that nobody looks at texts to learn what holds. */
export type StatedTerms = Readonly<Partial<Record<TermName, ParsedTerm>>>;

export function isTermName(name: string): name is TermName {
  return Object.hasOwn(TERM_NAMES, name);
}

/** Reads terms where they come in. Throws USAGE with the name of the term. */
export function readTerms(texts: TermTexts): StatedTerms {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, readTerm(name, text)]));
}

function readTerm(name: string, text: string): ParsedTerm {
  if (!isTermName(name))
    throw new FarmError("USAGE", `there is no term "${name}"`, { advice: `The terms are ${Object.keys(TERM_NAMES).join(", ")}.` });
  if (text.length > TERMS_LIMITS.maxTextChars) throw invalidTerm(name, `${text.slice(0, 40)}…`);
  return { text, says: PARSERS[name](text.trim(), name) };
}

/** What holds: what was stated, and the default for everything else. */
export function termsOf(stated: StatedTerms): Terms {
  const terms: Terms = Object.assign({}, DEFAULT_TERMS, ...Object.values(stated).map(({ says }) => says));
  return terms.idleMs === undefined ? terms : { ...terms, maxOthersLoad: terms.maxOthersLoad ?? IDLE_OTHERS_LOAD };
}

/** As they were written. */
export function textsOf(stated: StatedTerms): TermTexts {
  return Object.fromEntries(Object.entries(stated).map(([name, { text }]) => [name, text]));
}

/** What holds when only this was written. Throws USAGE. */
export function parseTerms(texts: TermTexts): Terms {
  return termsOf(readTerms(texts));
}

/** Reads "cores=50%" as name and text. Throws USAGE. */
export function parseTermAssignment(argument: string): { readonly name: TermName; readonly text: string } {
  const at = argument.indexOf("=");
  const name = argument.slice(0, Math.max(0, at)).trim().toLowerCase();
  if (at > 0 && isTermName(name)) return { name, text: argument.slice(at + 1).trim() };
  throw new FarmError("USAGE", `"${argument}" sets no term`, {
    advice: `Write name=value; the names are ${Object.keys(TERM_NAMES).join(", ")}.`,
  });
}

const PARSERS: Readonly<Record<TermName, (text: string, name: TermName) => Partial<Terms>>> = {
  cores: (text, name) => ({ cores: coresOf(text, name) }),
  memory: (text) => ({ memoryBytes: parseSize(text) }),
  disk: (text) => ({ diskBytes: parseSize(text) }),
  gpus: (text, name) => ({ gpus: text === "all" || text === "none" ? text : listOf(text, name) }),
  slots: (text, name) => ({ slots: wholeOf(text, name, TERMS_LIMITS.maxSlots) }),
  upload: (text, name) => ({ uploadBytesPerSecond: rateOf(text, name) }),
  download: (text, name) => ({ downloadBytesPerSecond: rateOf(text, name) }),
  schedule: (text) => ({ schedule: parseSchedule(text) }),
  overtime: (text, name) => ({ overtimeMs: durationOf(text, name) }),
  idle: (text, name) => ({ idleMs: isOff(text) ? undefined : durationOf(text, name) }),
  load: (text) => ({ maxOthersLoad: isOff(text) ? undefined : parseShare(text) }),
  battery: (text, name) => ({ notOnBattery: !flagOf(text, name) }),
  yield: (text, name) => ({ yieldTo: listOf(text, name) }),
  temperature: (text, name) => ({ maxCelsius: isOff(text) ? undefined : wholeOf(text, name, TERMS_LIMITS.maxCelsius) }),
  watts: (text, name) => ({ maxWatts: isOff(text) ? undefined : wholeOf(text, name, TERMS_LIMITS.maxWatts) }),
  who: (text, name) => {
    if (text !== "anyone" && text !== "friends" && text !== "own") throw invalidTerm(name, text);
    return { who: text };
  },
  own: (text, name) => ({ own: listOf(text, name) }),
  friends: (text, name) => ({ friends: listOf(text, name) }),
  allow: (text, name) => ({ allow: listOf(text, name) }),
  deny: (text, name) => ({ deny: listOf(text, name) }),
  environments: (text, name) => ({ environments: environmentsOf(text, name) }),
};

function environmentsOf(text: string, name: TermName): readonly string[] {
  const entries = listOf(text, name);
  const strange = entries.find(
    (entry) => entry !== ANY_ENVIRONMENT && entry !== ASK && parseDigest(entry) === undefined && !isPeerId(entry),
  );
  if (strange !== undefined) throw invalidTerm(name, strange);
  return entries;
}

function isOff(text: string): boolean {
  return ["off", "none", "unlimited"].includes(text.toLowerCase());
}

function coresOf(text: string, name: TermName): CoreShare {
  const each = /^(\d+) each$/.exec(text)?.[1];
  if (each !== undefined) return { kind: "each", cores: wholeOf(each, name, TERMS_LIMITS.maxCores) };
  if (!text.endsWith("%")) return { kind: "count", cores: wholeOf(text, name, TERMS_LIMITS.maxCores) };
  const share = parseShare(text);
  if (share === 0) throw invalidTerm(name, text);
  return { kind: "share", share };
}

function wholeOf(text: string, name: TermName, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= most)) throw invalidTerm(name, text);
  return value;
}

function rateOf(text: string, name: TermName): number | undefined {
  if (isOff(text)) return undefined;
  const rate = parseRate(text);
  if (rate < TERMS_LIMITS.minBytesPerSecond) throw invalidTerm(name, text, "it must be at least 128k per second");
  return rate;
}

function durationOf(text: string, name: TermName): number {
  const duration = parseDuration(text);
  if (duration > TERMS_LIMITS.maxDurationMs) throw invalidTerm(name, text);
  return duration;
}

function flagOf(text: string, name: TermName): boolean {
  const word = text.toLowerCase();
  if (["yes", "on", "true", "1"].includes(word)) return true;
  if (["no", "off", "false", "0"].includes(word)) return false;
  throw invalidTerm(name, text);
}

function listOf(text: string, name: TermName): readonly string[] {
  if (text === "" || text.toLowerCase() === "none") return [];
  const entries = text.split(/[,\s]+/).filter((entry) => entry !== "");
  const fits = entries.length <= TERMS_LIMITS.maxListed && entries.every((entry) => entry.length <= TERMS_LIMITS.maxNameChars);
  if (!fits) throw invalidTerm(name, `${text.slice(0, 40)}…`, "the list is too long");
  return entries;
}

function invalidTerm(name: TermName, text: string, why?: string): FarmError {
  return new FarmError("USAGE", `"${text}" does not fit the term ${name}${why === undefined ? "" : `: ${why}`}`, {
    advice: `${name}: ${TERM_NAMES[name]}`,
  });
}

import { z } from "zod";
import { isTermName, TERM_NAMES, type TermName, type TermTexts } from "../../core/terms/parse-terms.ts";
import { TERMS_LIMITS } from "../../core/terms/terms-limits.ts";
import type { OwnerCommand } from "../../core/terms/decide.ts";
import type { Settings } from "../../database/types.ts";

const TERMS_KEY = "donor.terms";
const COMMAND_KEY = "donor.command";
const EVICT_KEY = "donor.evict";

const MAX_EVICTIONS = 100;

const Stamp = z.int().min(0);
const NAMES = Object.keys(TERM_NAMES) as [TermName, ...TermName[]];
const SetTerms = z.partialRecord(z.enum(NAMES), z.strictObject({ text: z.string().max(TERMS_LIMITS.maxTextChars), atMs: Stamp }));
const SetCommand = z.strictObject({ command: z.enum(["freeze", "finish"]).optional(), atMs: Stamp });
const Evictions = z.array(z.strictObject({ job: z.string().min(1).max(64), atMs: Stamp })).max(MAX_EVICTIONS);

/** Terms as the owner set them, each with the moment (milliseconds since 1970). */
export type SetTerms = z.infer<typeof SetTerms>;

/**
 * What the owner wants of this home's donor. It is written by any process and read by the donor, several times a
 * second, so that it takes effect at once and is remembered.
 */
export class OwnerSettings {
  readonly #settings: Settings;
  #read: { text: string | undefined; terms: SetTerms } = { text: undefined, terms: {} };

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  terms(): SetTerms {
    const text = this.#settings.get(TERMS_KEY);
    if (text !== this.#read.text) this.#read = { text, terms: parsed(SetTerms, text) ?? {} };
    return this.#read.terms;
  }

  /** Sets some terms; an undefined text goes back to the default. */
  setTerms(texts: Readonly<Partial<Record<TermName, string | undefined>>>, atMs: number): void {
    const terms: SetTerms = { ...this.terms() };
    for (const [name, text] of Object.entries(texts)) {
      if (!isTermName(name)) continue;
      // The moment of a reset must be known as well: it outweighs what the donor was started with.
      terms[name] = { text: text ?? DEFAULT_MARK, atMs };
    }
    this.#settings.set(TERMS_KEY, JSON.stringify(terms));
  }

  command(): OwnerCommand | undefined {
    return parsed(SetCommand, this.#settings.get(COMMAND_KEY))?.command;
  }

  setCommand(command: OwnerCommand | undefined, atMs: number): void {
    this.#settings.set(COMMAND_KEY, JSON.stringify({ command, atMs }));
  }

  /** Jobs that were sent away after this moment. */
  evictedSince(atMs: number): readonly { readonly job: string; readonly atMs: number }[] {
    return (parsed(Evictions, this.#settings.get(EVICT_KEY)) ?? []).filter((eviction) => eviction.atMs > atMs);
  }

  evict(job: string, atMs: number): void {
    const before = this.evictedSince(-1).slice(1 - MAX_EVICTIONS);
    const later = Math.max(atMs, (before.at(-1)?.atMs ?? -1) + 1); // two in one moment are two
    this.#settings.set(EVICT_KEY, JSON.stringify([...before, { job, atMs: later }]));
  }
}

/** Stands for "as if it had never been set". */
const DEFAULT_MARK = "default";

/**
 * The terms that hold: what the donor was started with (`flags`, at `startedMs`) over what was set before, and
 * what was set since over both.
 */
export function termsInForce(flags: TermTexts, startedMs: number, set: SetTerms): TermTexts {
  const texts: Partial<Record<TermName, string>> = {};
  for (const name of NAMES) {
    const own = set[name];
    const flag = flags[name];
    const text = flag !== undefined && (own === undefined || own.atMs < startedMs) ? flag : own?.text;
    if (text !== undefined && text !== DEFAULT_MARK) texts[name] = text;
  }
  return texts;
}

/** Our own file, but other programs can write into it: what does not fit is as if it were not there. */
function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

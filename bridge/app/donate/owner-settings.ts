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

/** Terms as the owner set them, each with its time (milliseconds since 1970). */
export type SetTerms = z.infer<typeof SetTerms>;

/**
 * The owner's settings and commands for this home's donor. They are written by any process and read by the donor several times a
 * second, so that they take effect at once and are stored.
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

  /** Sets some terms; an undefined text restores the default. */
  setTerms(texts: Readonly<Partial<Record<TermName, string | undefined>>>, atMs: number): void {
    const terms: SetTerms = { ...this.terms() };
    for (const [name, text] of Object.entries(texts)) {
      if (!isTermName(name)) continue;
      // The time of a reset is stored as well: it overrides what the donor was started with.
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

  /** Jobs that were evicted after this time. */
  evictedSince(atMs: number): readonly { readonly job: string; readonly atMs: number }[] {
    return (parsed(Evictions, this.#settings.get(EVICT_KEY)) ?? []).filter((eviction) => eviction.atMs > atMs);
  }

  evict(job: string, atMs: number): void {
    const before = this.evictedSince(-1).slice(1 - MAX_EVICTIONS);
    const later = Math.max(atMs, (before.at(-1)?.atMs ?? -1) + 1); // two commands in one millisecond are two
    this.#settings.set(EVICT_KEY, JSON.stringify([...before, { job, atMs: later }]));
  }
}

/** Marks a term that was reset to its default. */
const DEFAULT_MARK = "default";

/**
 * The effective terms: the command line (`flags`, at `startedMs`) overrides earlier settings, and
 * later settings override both.
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

/** Other programs can write into the database: invalid values are ignored. */
function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

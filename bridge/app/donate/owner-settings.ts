import { z } from "zod";
import { isTermName, readTerms, TERM_NAMES, type TermName } from "../../core/terms/parse-terms.ts";
import type { SetTerms } from "../../core/terms/terms-in-force.ts";
import { TERMS_LIMITS } from "../../core/terms/terms-limits.ts";
import type { OwnerCommand } from "../../core/terms/decide.ts";
import type { SettingsTable } from "../../database/types.ts";

const TERMS_KEY = "donor.terms";
const COMMAND_KEY = "donor.command";
const EVICT_KEY = "donor.evict";

const MAX_EVICTIONS = 100;

const Stamp = z.int().min(0);
const NAMES = Object.keys(TERM_NAMES) as [TermName, ...TermName[]];
const StoredTerms = z.partialRecord(z.enum(NAMES), z.strictObject({ text: z.string().max(TERMS_LIMITS.maxTextChars), atMs: Stamp }));
const SetCommand = z.strictObject({ command: z.enum(["freeze", "finish"]).optional(), atMs: Stamp });
const Evictions = z.array(z.strictObject({ job: z.string().min(1).max(64), atMs: Stamp })).max(MAX_EVICTIONS);

/** Terms as they are written down, each with the moment (milliseconds since 1970). */
type StoredTerms = z.infer<typeof StoredTerms>;

/**
 * The owner's settings and commands for this home's donor. They are written by any process and read by the donor several times a
 * second, so that they take effect at once and are stored.
 */
export class OwnerSettings {
  readonly #settings: SettingsTable;
  #read: { text: string | undefined; terms: SetTerms } = { text: undefined, terms: {} };

  constructor(settings: SettingsTable) {
    this.#settings = settings;
  }

  /** The same value as long as nothing was set. Throws USAGE, once, for what says nothing: what was read before holds on then. */
  terms(): SetTerms {
    const text = this.#settings.get(TERMS_KEY);
    if (text === this.#read.text) return this.#read.terms;
    this.#read = { ...this.#read, text };
    this.#read = { text, terms: readStored(parsed(StoredTerms, text) ?? {}) };
    return this.#read.terms;
  }

  /** Sets some terms; an undefined text goes back to the default. Throws USAGE, and nothing is set, unless all that is set then makes sense. */
  setTerms(texts: Readonly<Partial<Record<TermName, string | undefined>>>, atMs: number): void {
    const stored: StoredTerms = { ...parsed(StoredTerms, this.#settings.get(TERMS_KEY)) };
    for (const [name, text] of Object.entries(texts)) {
      if (!isTermName(name)) continue;
      // The moment of a reset must be known as well: it outweighs what the donor was started with.
      stored[name] = { text: text ?? DEFAULT_MARK, atMs };
    }
    readStored(stored);
    this.#settings.set(TERMS_KEY, JSON.stringify(stored));
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

/** Throws USAGE. */
function readStored(stored: StoredTerms): SetTerms {
  const texts = Object.entries(stored).filter(([, { text }]) => text !== DEFAULT_MARK);
  const read = readTerms(Object.fromEntries(texts.map(([name, { text }]) => [name, text])));
  return Object.fromEntries(Object.entries(stored).map(([name, { atMs }]) => [name, { atMs, stated: read[name as TermName] }]));
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

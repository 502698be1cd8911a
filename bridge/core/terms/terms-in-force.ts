import { type ParsedTerm, type StatedTerms, TERM_NAMES, type TermName } from "./parse-terms.ts";

/** A term that was set while donors may have been running, and when (milliseconds since 1970); without `stated` it is the default again. */
export interface TermOverride {
  readonly atMs: number;
  readonly stated: ParsedTerm | undefined;
}
export type SetTerms = Readonly<Partial<Record<TermName, TermOverride>>>;

const NAMES = Object.keys(TERM_NAMES) as readonly TermName[];

/**
 * The terms that hold: what the donor was started with (`flags`, at `startedMs`) over what was set before, and
 * what was set since over both.
 */
export function termsInForce(flags: StatedTerms, startedMs: number, set: SetTerms): StatedTerms {
  const inForce: Partial<Record<TermName, ParsedTerm>> = {};
  for (const name of NAMES) {
    const own = set[name];
    const flag = flags[name];
    const stated = flag !== undefined && (own === undefined || own.atMs < startedMs) ? flag : own?.stated;
    if (stated !== undefined) inForce[name] = stated;
  }
  return inForce;
}

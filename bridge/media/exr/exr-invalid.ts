import { type ErrorFacts, FarmError } from "../../kernel/errors.ts";

/** The only error of this reader: an invalid picture, with the reason. */
export function exrInvalid(reason: string, facts: ErrorFacts = {}): FarmError {
  return new FarmError("EXR_INVALID", `the picture is refused: ${reason}`, { facts: { ...facts, reason } });
}

/** Untrusted text, cleaned for one line of an error message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

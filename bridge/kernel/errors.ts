import { ERROR_CODES, type ErrorCode } from "./error-codes.ts";

/** Facts that travel with an error: small, plain, fit for JSON. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * An expected failure, caused by a user, a peer or the machine.
 *
 * `message` says what happened and where, in one line. What to do about it comes from the table of
 * codes, or from `advice` for a more specific case. Anything thrown that is not a `FarmError`
 * is a bug of ours.
 */
export class FarmError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  readonly advice: string;

  constructor(code: ErrorCode, message: string, options: { facts?: ErrorFacts; advice?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.facts = options.facts ?? {};
    this.advice = options.advice ?? ERROR_CODES[code].advice;
  }

  /** The process exit code of this error. */
  get exitCode(): number {
    return ERROR_CODES[this.code].exitCode;
  }
}

/** True for a `FarmError`, or for one with exactly this code. */
export function isFarmError(error: unknown, code?: ErrorCode): error is FarmError {
  return error instanceof FarmError && (code === undefined || error.code === code);
}

/** The one-line text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

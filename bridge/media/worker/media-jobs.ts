import { createAssembled } from "../assembled.ts";
import { checkFloatResult } from "../check.ts";
import { type CompareRequest, compareFloats } from "../compare.ts";
import { pasteResult } from "../paste.ts";
import { samePicture } from "../same-picture.ts";
import type { AssembledSpec, FloatDifference, FloatExpectation, FloatSummary, PasteRequest } from "../types.ts";
import { type ErrorFacts, FarmError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";

/** What a media worker is asked for. */
export type MediaJob =
  | { readonly kind: "check"; readonly path: string; readonly expectation: FloatExpectation }
  | { readonly kind: "create-assembled"; readonly spec: AssembledSpec }
  | { readonly kind: "paste"; readonly request: PasteRequest }
  | { readonly kind: "compare"; readonly request: CompareRequest }
  | { readonly kind: "same-picture"; readonly ours: string; readonly theirs: string };

/** What a job brings, by its kind. */
export interface MediaResults {
  readonly check: FloatSummary;
  readonly "create-assembled": undefined;
  readonly paste: undefined;
  readonly compare: FloatDifference;
  readonly "same-picture": boolean;
}

/** An error on its way between threads: facts instead of a class, which would not survive. */
export interface SerializedError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly facts: ErrorFacts;
  readonly advice: string | undefined;
  readonly stack: string | undefined;
}

export type MediaAnswer =
  | { readonly ok: true; readonly value: MediaResults[MediaJob["kind"]] }
  | { readonly ok: false; readonly error: SerializedError };

/** Does a job in this thread. */
export function doMediaJob(job: MediaJob): MediaResults[MediaJob["kind"]] | Promise<boolean> {
  switch (job.kind) {
    case "check":
      return checkFloatResult(job.path, job.expectation);
    case "create-assembled":
      createAssembled(job.spec);
      return undefined;
    case "paste":
      pasteResult(job.request);
      return undefined;
    case "compare":
      return compareFloats(job.request);
    case "same-picture":
      return samePicture(job.ours, job.theirs);
  }
}

export function serializeError(error: unknown): SerializedError {
  if (error instanceof FarmError) {
    const { code, message, facts, advice, stack } = error;
    return { code, message, facts, advice, stack };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: undefined, message, facts: {}, advice: undefined, stack };
}

/** The error as it was thrown: a `FarmError` again, or a bug with its stack. */
export function deserializeError(carried: SerializedError): Error {
  const { code, message, facts, advice, stack } = carried;
  const error =
    code === undefined ? new Error(message) : new FarmError(code, message, { facts, ...(advice === undefined ? {} : { advice }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

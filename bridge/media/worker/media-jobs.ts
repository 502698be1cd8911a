import { createAssembled } from "../assembled.ts";
import { checkFloatResult } from "../check.ts";
import { type CompareRequest, compareFloats } from "../compare.ts";
import { deriveAssembled } from "../derive-assembled.ts";
import { pasteResult } from "../paste.ts";
import { samePicture } from "../same-picture.ts";
import type { AssembledSpec, DeriveRequest, FloatDifference, FloatExpectation, FloatSummary, PasteRequest } from "../types.ts";
import { type ErrorFacts, FarmError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";

/** A task for a media worker. */
export type MediaJob =
  | { readonly kind: "check"; readonly path: string; readonly expectation: FloatExpectation }
  | { readonly kind: "create-assembled"; readonly spec: AssembledSpec }
  | { readonly kind: "paste"; readonly request: PasteRequest }
  | { readonly kind: "derive-assembled"; readonly request: DeriveRequest }
  | { readonly kind: "compare"; readonly request: CompareRequest }
  | { readonly kind: "same-picture"; readonly ours: string; readonly theirs: string };

/** The result of a task, by its kind. */
export interface MediaResults {
  readonly check: FloatSummary;
  readonly "create-assembled": undefined;
  readonly paste: undefined;
  readonly "derive-assembled": undefined;
  readonly compare: FloatDifference;
  readonly "same-picture": boolean;
}

/** An error as sent between threads: plain fields, since a class would be lost. */
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

/** Runs a task in this thread. */
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
    case "derive-assembled":
      deriveAssembled(job.request);
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

/** The original error: a `FarmError`, or a bug with its stack. */
export function deserializeError(carried: SerializedError): Error {
  const { code, message, facts, advice, stack } = carried;
  const error =
    code === undefined ? new Error(message) : new FarmError(code, message, { facts, ...(advice === undefined ? {} : { advice }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

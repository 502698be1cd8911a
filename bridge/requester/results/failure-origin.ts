import { isAbort } from "../../kernel/abort.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import { isFarmError } from "../../kernel/errors.ts";

/** Failures of this machine, whoever's result it was at: no donor answers for them, and no other donor would make them good. */
const OURS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "DISK_FULL",
  "SCENE_CHANGED",
  "CHECK_FAILED",
  "HOME_NOT_WRITABLE",
  "DATABASE_CORRUPT",
]);

/**
 * Sorts what went wrong while a result was fetched and looked at: "ours", or the code that its donor answers for. A call
 * to our own disk that failed is ours; a wait that ran out is the donor's, who did not send.
 */
export function failureOrigin(error: unknown): ErrorCode | "ours" {
  if (isFarmError(error)) return OURS.has(error.code) ? "ours" : error.code;
  if (isAbort(error)) return "PEER_UNREACHABLE";
  return "ours";
}

import { isFarmError, messageOf } from "../../kernel/errors.ts";
import type { ErrorBody } from "./job-messages.ts";

/** An error as sent to a client. */
export function errorBodyOf(error: unknown): ErrorBody {
  if (isFarmError(error)) return { code: error.code, message: error.message, advice: error.advice };
  return { code: "BUG", message: messageOf(error), advice: "This is a bug of the bridge: please report it." };
}

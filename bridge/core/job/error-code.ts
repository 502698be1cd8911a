import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";

/** A stored or received error code. */
export const KnownErrorCode = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);
